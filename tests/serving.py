"""Git servers of Debian's packages on the loopback: nginx with `git http-backend`, and gitolite over sshd.

Everything that they write, settings too, is in the folder of a test; no service of the machine is asked or altered.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING

from tests.hooking import credguard
from tests.repos import clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_BACKEND = "/usr/lib/git-core/git-http-backend"
_GITOLITE_SHELL = "/usr/share/gitolite3/gitolite-shell"
_SSHD = "/usr/sbin/sshd"
_SEPARATE = "/run/sshd"
_USER, _PASSWORD = "ada", "let-ada-in"
_PATIENCE = 20.0
_NGINX = """\
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
{user}
worker_processes 1;
events {{}}
http {{
    access_log off;
    client_max_body_size 0;
    client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
    uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    server {{
        listen 127.0.0.1:{port};
        location ~ ^/git(/.*)$ {{
            auth_basic git;
            auth_basic_user_file {folder}/users;
            fastcgi_pass unix:{folder}/fcgi;
            fastcgi_read_timeout 300;
            fastcgi_param SCRIPT_FILENAME {backend};
            fastcgi_param GIT_PROJECT_ROOT {folder}/repositories;
            fastcgi_param GIT_HTTP_EXPORT_ALL "";
            fastcgi_param PATH_INFO $1;
            fastcgi_param REMOTE_USER $remote_user;
            fastcgi_param QUERY_STRING $query_string;
            fastcgi_param REQUEST_METHOD $request_method;
            fastcgi_param CONTENT_TYPE $content_type;
            fastcgi_param CONTENT_LENGTH $content_length;
            fastcgi_param GATEWAY_INTERFACE CGI/1.1;
            fastcgi_param PATH {path};
            fastcgi_param CREDGUARD_CACHE_DIR {cache};
        }}
    }}
}}
"""
_SETTINGS = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
PidFile {folder}/sshd.pid
AuthorizedKeysFile {folder}/authorized
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100
LogLevel ERROR
"""


class Server:
    """A server with a repository `demo`: its folder on disk, its URL, and the environment in which git reaches it."""

    def __init__(self, kind: str, bare: Path, url: str, **environment: str) -> None:
        self.kind, self.bare, self.url = kind, bare, url
        self.environment = clean_environment() | environment

    def settle(self, *options: str) -> None:
        """Has the hook run with these options, as an administrator adds them to its file."""
        hook = self.bare / "hooks" / "pre-receive"
        if not (self.bare / "plain-hook").exists():
            shutil.copy(hook, self.bare / "plain-hook")
        text = (self.bare / "plain-hook").read_text()
        hook.write_text(text.replace('hook pre-receive "$@"', f'hook pre-receive {" ".join(options)} "$@"'))

    def git(self, *words: str) -> str:
        """git in the repository of the server."""
        done = subprocess.run(
            ["git", *words], cwd=self.bare, env=clean_environment(), capture_output=True, text=True, check=True
        )
        return done.stdout


def find_reason(kind: str) -> str:
    """Why there cannot be such a server here, empty if there can."""
    needed = {
        "http": ("nginx", "fcgiwrap", _BACKEND), "ssh": (_SSHD, "gitolite", _GITOLITE_SHELL, "ssh", "ssh-keygen"),
    }[kind]  # fmt: skip
    missing = [name for name in needed if not _which(name)]
    if missing:
        return f"{', '.join(missing)}: not installed"
    if kind == "ssh" and os.geteuid() == 0 and not os.path.isdir(_SEPARATE):
        return f"sshd needs {_SEPARATE}, which its service makes"
    return ""


def _which(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@contextlib.contextmanager
def serve(kind: str, folder: Path) -> Iterator[Server]:
    """A server that runs until the end of the context; its repository has the hook that `credguard install` writes."""
    started: list[subprocess.Popen[bytes]] = []
    try:
        yield (_serve_http if kind == "http" else _serve_ssh)(folder, started)
    finally:
        for process in reversed(started):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _serve_http(folder: Path, started: list[subprocess.Popen[bytes]]) -> Server:
    port, cache = _find_port(), os.path.join(os.environ["XDG_CACHE_HOME"], "credguard")
    (folder / "users").write_text(f"{_USER}:{{PLAIN}}{_PASSWORD}\n")
    user = "user root;" if os.geteuid() == 0 else ""
    path = os.environ.get("PATH", os.defpath)
    settings = _NGINX.format(folder=folder, port=port, user=user, backend=_BACKEND, cache=cache, path=path)
    (folder / "nginx.conf").write_text(settings)
    bare = folder / "repositories" / "demo.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(bare)], env=clean_environment(), check=True)
    _install(bare)
    _start(started, folder, "fcgiwrap", "-c", "20", "-s", f"unix:{folder}/fcgi")
    _wait_for((folder / "fcgi").exists)
    _start(started, folder, "nginx", "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf")
    _wait_for(lambda: _answers(port))
    return Server("http", bare, f"http://{_USER}:{_PASSWORD}@127.0.0.1:{port}/git/demo.git")


def _serve_ssh(folder: Path, started: list[subprocess.Popen[bytes]]) -> Server:
    port, home = _find_port(), folder / "home"
    home.mkdir()
    environment = clean_environment() | {"HOME": str(home)}
    for name in ("host", _USER):
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
        subprocess.run(words, check=True)
    words = ["gitolite", "setup", "-pk", str(folder / f"{_USER}.pub")]
    subprocess.run(words, env=environment, cwd=home, check=True, capture_output=True)
    settings = home / ".gitolite.rc"
    text = settings.read_text().replace(
        '# LOCAL_CODE                =>  "$ENV{HOME}/local"', 'LOCAL_CODE => "$ENV{HOME}/local"'
    )
    settings.write_text(text)
    hooks = home / "local" / "hooks" / "common"
    hooks.mkdir(parents=True)
    conf = home / ".gitolite" / "conf" / "gitolite.conf"
    conf.write_text(f"repo demo\n    RW+ = {_USER}\n")
    subprocess.run(["gitolite", "compile"], env=environment, cwd=home, check=True, capture_output=True)
    scratch = folder / "scratch"
    subprocess.run(["git", "init", "-q", "--bare", str(scratch)], env=clean_environment(), check=True)
    _install(scratch)
    shutil.copy(scratch / "hooks" / "pre-receive", hooks / "pre-receive")
    subprocess.run(["gitolite", "setup", "--hooks-only"], env=environment, cwd=home, check=True, capture_output=True)
    cache = os.environ["XDG_CACHE_HOME"]
    command = f"env HOME={home} XDG_CACHE_HOME={cache} PATH={os.environ['PATH']} {_GITOLITE_SHELL} {_USER}"
    key = (folder / f"{_USER}.pub").read_text()
    (folder / "authorized").write_text(f'command="{command}",no-pty,no-port-forwarding {key}')
    (folder / "sshd.conf").write_text(_SETTINGS.format(folder=folder, port=port))
    bare = home / "repositories" / "demo.git"
    subprocess.run(["git", "symbolic-ref", "HEAD", "refs/heads/main"], cwd=bare, env=clean_environment(), check=True)
    _start(started, folder, _SSHD, "-D", "-e", "-f", str(folder / "sshd.conf"))
    _wait_for(lambda: _answers(port))
    ssh = (
        f"ssh -F /dev/null -i {folder / _USER} -o IdentitiesOnly=yes -o UserKnownHostsFile=/dev/null "
        "-o StrictHostKeyChecking=no -o LogLevel=ERROR"
    )
    url = f"ssh://{getpass.getuser()}@127.0.0.1:{port}/demo"
    return Server("ssh", bare, url, GIT_SSH_COMMAND=ssh)


def _install(bare: Path) -> None:
    done = credguard("install", cwd=bare)
    assert done.returncode == 0, done.stderr


def _start(started: list[subprocess.Popen[bytes]], folder: Path, *words: str) -> None:
    program = _which(words[0])
    assert program
    with (folder / "said").open("ab") as said:
        started.append(subprocess.Popen([program, *words[1:]], stdout=said, stderr=said, start_new_session=True))


def _wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while not condition():
        assert time.monotonic() < end, "the server did not start"
        time.sleep(0.02)


def _find_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def push(server: Server, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A push to the server from a repository."""
    return subprocess.run(
        ["git", "push", "-q", *words], cwd=folder, env=server.environment, capture_output=True, text=True, check=False,
        timeout=300,
    )  # fmt: skip


def begin_push(server: Server, folder: Path, *words: str) -> subprocess.Popen[bytes]:
    """The same, while the caller goes on."""
    return subprocess.Popen(
        ["git", "push", "-q", *words], cwd=folder, env=server.environment, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
