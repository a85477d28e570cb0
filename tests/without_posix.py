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
    from collections.abc import Generator
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
        "splice copy_file_range lockf ttyname openpty ctermid posix_fadvise posix_fallocate fdatasync".split()
    ),
    "signal": ("SIGHUP", "SIGALRM", "SIGPIPE", "SIGUSR1", "SIGUSR2", "alarm", "setitimer", "pause", "sigwait"),
}
"""By module, what Windows lacks (docs.python.org: "Availability: Unix"); less what Python's own modules need here."""
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


def at_start() -> None:
    """The same for a process that starts, whose `os.fsdecode` is that of Windows. pytest's own processes wait until
    its plugins are there, some of which need the names."""
    if not any(word == "pytest" or "sys.stdin.readline" in word for word in sys.orig_argv):
        take_away()
        os.fsdecode = _as_on_windows  # type: ignore[assignment]


def _as_on_windows(name: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> str:
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
    """Takes the names away: all plugins are there by now, and nothing of credguard has been imported."""
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
        spread = [] if any(argument.startswith("-n") for argument in arguments) else ["-n", "auto"]
        options = ("-p", "no:cacheprovider", "-p", "tests.without_posix", f"--basetemp={name}/tests")
        command = [python, "-m", "pytest", *options]
        return subprocess.call([*command, *spread, *arguments])


def _environment(folder: Path) -> str:
    """Its Python."""
    import shutil
    import venv
    from pathlib import Path

    venv.create(folder, symlinks=True)
    packages = Path(next(iter(folder.glob("lib/python*/site-packages"))))
    shutil.copy(__file__, packages / "without_posix.py")
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
