"""Runs tests as on a system that is no POSIX: `.venv/bin/python tests/without_posix.py [PYTEST ARGUMENT…]`.

Names that Windows lacks are taken out of Python's modules, in pytest's process and in every Python that the tests
start, whatever its options (`-E`, `-I`): they run in a virtual environment of their own, with the packages of the one
that this was started with, whose start takes the names away. Of a test that uses such a name itself nothing is asked.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # every Python of the tests imports this
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    import pytest

NAMES = {
    "os": tuple(
        "O_NOFOLLOW O_NONBLOCK O_DIRECTORY O_CLOEXEC O_NOCTTY O_TMPFILE O_SYNC O_PATH posix_spawn posix_spawnp "
        "POSIX_SPAWN_OPEN POSIX_SPAWN_DUP2 POSIX_SPAWN_CLOSE fork forkpty register_at_fork getuid geteuid getgid "
        "getegid getgroups getresuid getresgid setuid setgid setsid getsid getpgid getpgrp setpgid setpgrp killpg "
        "nice fchmod fchown lchown chown fchdir mkfifo mknod chroot pread preadv pwrite pwritev readv writev sendfile "
        "sysconf confstr pathconf fpathconf statvfs fstatvfs sched_getaffinity sched_setaffinity get_blocking "
        "set_blocking getloadavg uname wait wait3 wait4 waitid getxattr setxattr listxattr removexattr memfd_create "
        "splice copy_file_range lockf ttyname openpty ctermid posix_fadvise posix_fallocate fdatasync "
        "pidfd_open".split()
    ),
    "select": ("poll", "epoll"),
    "signal": ("SIGHUP", "SIGALRM", "SIGPIPE", "SIGUSR1", "SIGUSR2", "alarm", "setitimer", "pause", "sigwait"),
}
"""By module, what Windows lacks (docs.python.org: "Availability: Unix"); less what Python's own modules need here."""
_PARENT = os.path.join("tests", "parent.py")
MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog")


def take_away() -> None:
    """Leaves this process without the names."""
    for module, names in NAMES.items():
        for name in names:
            if hasattr(__import__(module), name):
                delattr(__import__(module), name)
    for module in MODULES:
        sys.modules[module] = None  # type: ignore[assignment]  # which makes an import of it fail
    os.supports_dir_fd.clear()  # else shutil would go its way for POSIX
    os.supports_fd.clear()
    for module, asked in (("tempfile", "_O_TMPFILE_WORKS"), ("shutil", "_USE_CP_SENDFILE")):
        if module in sys.modules:  # what it has asked for when it was imported
            setattr(sys.modules[module], asked, False)
    if "shutil" in sys.modules:
        sys.modules["shutil"]._copyxattr = lambda *_, **__: None  # type: ignore[attr-defined]  # as shutil is there
    if os.unlink.__module__ == "posix":
        os.unlink = _make_unlink(os.unlink)


def at_start() -> None:
    """The same for a process that starts, which shares databases even where it heeds no PYTHONPATH. pytest's own
    processes wait until its plugins are there, some of which need
    the names, and the one that forks (tests/parent.py) until it has what it needs."""
    if not any(word == "pytest" or "sys.stdin.readline" in word or _PARENT in word for word in sys.orig_argv):
        begin()
    if sys.flags.ignore_environment:
        sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "startup"))
        __import__("sitecustomize")  # once: Python looks twice for what to do in a virtual environment
        del sys.path[0]


def begin() -> None:
    """The same for a process that runs credguard, whose `os.fsdecode` is that of Windows."""
    take_away()
    os.fsdecode = _decode  # type: ignore[assignment]


def _make_unlink(unlink: Callable[..., None]) -> Callable[..., None]:
    """One that leaves the lock of a folder which a process has open: there, nothing that is open is removed."""

    def refuse_or_unlink(path: str, *, dir_fd: int | None = None) -> None:
        if os.path.basename(path) == "lock" and _is_open(os.path.realpath(path)):
            raise PermissionError(13, os.strerror(13), path)
        unlink(path, dir_fd=dir_fd)

    return refuse_or_unlink


def _is_open(place: str) -> bool:
    import glob

    return any(_leads_to(link, place) for link in glob.iglob("/proc/[0-9]*/fd/*"))


def _leads_to(link: str, place: str) -> bool:
    try:
        return os.readlink(link) == place
    except OSError:
        return False


def _decode(name: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> str:
    """`os.fsdecode` with the error handler that it has there."""
    path = os.fspath(name)
    return path.decode("utf-8", "surrogatepass") if isinstance(path, bytes) else path


def _skips() -> Generator[None, None, None]:
    """Skips a test that itself asks for one of the names: the last step of it is in tests/."""
    from pathlib import Path

    import pytest

    try:
        yield
    except (AttributeError, ImportError) as error:
        last = error.__traceback__
        while last and last.tb_next:
            last = last.tb_next
        wanted = {name for names in NAMES.values() for name in names} | {*MODULES}
        if last and error.name in wanted and "tests" in Path(last.tb_frame.f_code.co_filename).parts:
            pytest.skip(f"it uses {error.name} itself")
        raise


def pytest_load_initial_conftests() -> None:
    """Takes the names away: all plugins are there by now, and nothing of credguard has been imported. asyncio, with
    which tests talk to servers, has them for itself: its way for Windows is not here."""
    import types
    from asyncio import unix_events

    unix_events.os = types.SimpleNamespace(**vars(os))  # type: ignore[attr-defined]
    take_away()


def pytest_configure(config: pytest.Config) -> None:
    """Has pytest ask `_skips` about setting up a test, and about the test."""
    import pytest

    class Skips:
        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_setup(self) -> Generator[None, None, None]:
            yield from _skips()

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_call(self) -> Generator[None, None, None]:
            yield from _skips()

    config.pluginmanager.register(Skips())


def main(arguments: list[str]) -> int:
    """Makes the environment, runs pytest in it; gives pytest's exit code."""
    import subprocess
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory(prefix="without-posix-") as name:
        python = _environment(Path(name) / "venv")
        place = Path(name) / "tmp"
        place.mkdir()
        spread = [] if any(argument.startswith("-n") for argument in arguments) else ["-n", "auto"]
        options = ("-p", "no:cacheprovider", "-p", "tests.without_posix", f"--basetemp={place}/tests")
        command = [python, "-m", "pytest", *options]
        return subprocess.call([*command, *spread, *arguments], env=os.environ | {"TMPDIR": str(place)})


def _environment(folder: Path) -> str:
    """Its Python."""
    import venv
    from pathlib import Path

    venv.create(folder, symlinks=True)
    packages = Path(next(iter(folder.glob("lib/python*/site-packages"))))
    (packages / "without_posix.py").symlink_to(os.path.realpath(__file__))
    ours = Path(next(path for path in map(Path, sys.path) if path.name == "site-packages"))
    lines = ("import without_posix; without_posix.at_start()", f"import site; site.addsitedir({str(ours)!r})")
    (packages / "packages.pth").write_text("\n".join(lines))
    for program in Path(sys.executable).parent.iterdir():
        here = folder / "bin" / program.name
        if not here.exists() and program.name in ("pre-commit", "prek", "git"):
            here.symlink_to(program)
    command = folder / "bin" / "credguard"
    command.write_text(f"#!{folder}/bin/python\nimport sys\nfrom credguard.cli import main\nsys.exit(main())\n")
    command.chmod(0o755)
    return str(folder / "bin" / "python")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
