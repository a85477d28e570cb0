"""The virtual environment `.venv` of this checkout: made at the first command, renewed when pyproject.toml changes."""

# Older Pythons must be able to read this file down to the version check: no annotations from the future.
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))
_START = "import sys; sys.path[:] = filter(None, sys.path); from credguard.cli import main; sys.exit(main())"
_FOREIGN = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE")
"""What makes every Python that starts from here import what somebody else has put there, a repository perhaps."""
OLDEST, NEWEST = (3, 10), (3, 13)  # hyperscan ships wheels for these


def stop(message: str) -> None:
    """Ends with one line and exit code 2."""
    sys.stderr.write(f"credguard: {message}\n")
    sys.exit(2)


def run_credguard(*arguments: str) -> None:
    """Becomes credguard in the environment; nothing of the current folder is imported."""
    run("", "-E", "-c", _START, *arguments)


def run(extra: str, *arguments: str) -> None:
    """Becomes `python *arguments` in the environment, which holds the project and its `extra` dependencies."""
    for name in _FOREIGN:
        os.environ.pop(name, None)
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        _other_python()
    _prepare(extra)
    _become(PYTHON, *arguments)


def _works(*command: str) -> bool:
    import subprocess

    return subprocess.call(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


def _become(*command: str) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "nt":  # there, a replaced process comes back to the shell before its end
        import subprocess

        sys.exit(subprocess.call(command))
    os.execv(command[0], command)


def _other_python() -> None:
    """Starts again with another Python of PATH; returns, to try its luck, if this one is only too new."""
    import shutil

    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found and _works(found, "-c", ""):
            _become(found, *sys.argv)
    if sys.version_info < OLDEST:
        stop(f"Python 3.10 or newer is needed and this is {sys.version.split()[0]}; install one and run again")


def _prepare(extra: str) -> None:
    """Makes or completes the environment; the stamp in it tells what it was made for: Python, settings, extras."""
    import subprocess

    stamp = os.path.join(VENV, "credguard-setup")
    made, wanted = _read(stamp).split(), [".".join(map(str, sys.version_info[:2])), _digest()]
    if os.path.exists(PYTHON) and made[:2] == wanted and extra in ["", *made[2:]]:
        return
    sys.stderr.write(f"credguard: setting up {VENV}\n")
    if not os.path.exists(PYTHON) or made[:1] not in ([], wanted[:1]):
        _create()
        made = []
    extras = sorted({*made[2:], extra} - {""})
    project = f".[{','.join(extras)}]" if extras else "."
    install = [*_pip(), "--quiet", "--disable-pip-version-check", "--editable", project]
    calm = dict(os.environ, PIP_ROOT_USER_ACTION="ignore")
    if subprocess.call(install, cwd=ROOT, env=calm, stdout=sys.stderr.fileno()) != 0:
        stop("pip could not install what credguard needs; its own words are above")
    with open(stamp, "w") as handle:
        handle.write(" ".join([*wanted, *extras]))


def _digest() -> str:
    import hashlib

    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as handle:
        return hashlib.sha256(handle.read() + os.fsencode(ROOT)).hexdigest()


def _read(path: str) -> str:
    try:
        with open(path) as handle:
            return handle.read()
    except OSError:
        return ""


def _create() -> None:
    """Makes the environment; without a pip of its own where the system's Python has none to give (Debian)."""
    import subprocess

    venv = [sys.executable, "-m", "venv", "--clear", VENV]
    if _works(*venv):
        return
    bare = subprocess.run([*venv, "--without-pip"], cwd=ROOT, capture_output=True, text=True, check=False)
    if bare.returncode != 0:
        words = (bare.stderr or bare.stdout).strip().splitlines()
        stop(f"no virtual environment could be made in {VENV}: {words[-1] if words else 'no reason given'}")


def _pip() -> "list[str]":
    """`pip install` of the environment, or this Python's own aimed at the environment's packages."""
    import subprocess

    if _works(PYTHON, "-m", "pip", "--version"):
        return [PYTHON, "-m", "pip", "install"]
    if not _works(sys.executable, "-m", "pip", "--version"):
        stop("pip is needed; on Debian and Ubuntu: sudo apt install python3-pip python3-venv")
    ask = "import sys, sysconfig; print(sys.version); print(sysconfig.get_path('purelib'))"
    answer = subprocess.check_output([PYTHON, "-c", ask], cwd=ROOT, text=True)
    if not answer.startswith(sys.version):
        stop(f"{VENV} belongs to another Python and has no pip; remove it and run again")
    return [sys.executable, "-m", "pip", "install", "--upgrade", "--target", answer[len(sys.version) :].strip()]
