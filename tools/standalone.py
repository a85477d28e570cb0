"""Builds credguard with a Python of its own, for machines without one: `python -E tools/standalone.py [FOLDER]`.

FOLDER (default: dist) gets a tar.gz, a .deb, an .rpm where rpmbuild is there, and their SHA256SUMS. Needs the network.
Run it on the oldest system that the result is for: it needs that libc or a newer one.
"""

import gzip
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import distributions
from pathlib import Path

import environment

PYINSTALLER = "pyinstaller==6.22.3"
PLACE = "opt/credguard"
_ENTRY = """\
import os, sys
from multiprocessing import freeze_support
if __name__ == "__main__":
    # What PyInstaller sets for its own libraries is nothing for git.
    before = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    os.environ.pop("LD_LIBRARY_PATH", None)
    if before is not None:
        os.environ["LD_LIBRARY_PATH"] = before
    freeze_support()
    from credguard.cli import main
    sys.exit(main())
"""
_SPEC = """\
from PyInstaller.utils.hooks import collect_all
datas, binaries, hidden = collect_all("credguard")
found = Analysis(["entry.py"], datas=datas, binaries=binaries, hiddenimports=hidden, excludes=["tkinter", "test"])
program = EXE(PYZ(found.pure), found.scripts, [("X utf8=1", None, "OPTION"), ("E", None, "OPTION")],
              name="credguard", exclude_binaries=True, console=True)
COLLECT(program, found.binaries, found.datas, name="credguard")
"""
_CONTROL = """\
Package: credguard
Version: {version}
Architecture: {arch}
Maintainer: The credguard authors <credguard@localhost>
Depends: git
Section: vcs
Priority: optional
Installed-Size: {size}
Description: AWS credential safety for git repositories
 Finds AWS credentials in commits, files and whole histories, and enforces best practices for them. It brings its own
 Python.
"""
_RPM = """\
Name: credguard
Version: {version}
Release: 1
Summary: AWS credential safety for git repositories
License: Apache-2.0
Requires: git
AutoReqProv: no
%global __os_install_post %{{nil}}
%global debug_package %{{nil}}
%description
Finds AWS credentials in commits, files and whole histories, and enforces best practices for them. It brings its own
Python.
%files
/{place}
/usr/bin/credguard
"""
_PAIR = "from credguard.hooks.selftest import generate_key_pair as pair; print(pair().decode())"
"""Prints a pair of random letters that is nobody's."""


def build(work: Path) -> Path:
    """The folder with the program; raises CalledProcessError."""
    python = work / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", work / "venv"], check=True)
    packages = [PYINSTALLER, environment.ROOT]
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages],
        check=True, stdout=sys.stderr,
    )  # fmt: skip
    (work / "entry.py").write_text(_ENTRY)
    (work / "credguard.spec").write_text(_SPEC)
    settings = {**os.environ, "PYTHONHASHSEED": "1", "SOURCE_DATE_EPOCH": str(_find_time())}
    subprocess.run(
        [python, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN", "credguard.spec"],
        cwd=work, check=True, env=settings, stdout=sys.stderr,
    )  # fmt: skip
    folder = work / "dist" / "credguard"
    _collect_licenses(next((work / "venv" / "lib").glob("python3*/site-packages")), folder)
    return folder


def _find_time() -> int:
    """The time of the commit that is built."""
    done = subprocess.run(
        ["git", "-C", environment.ROOT, "log", "-1", "--format=%ct"], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def _collect_licenses(packages: Path, folder: Path) -> None:
    """Copies the licenses of all that is inside, Python's too."""
    kept = folder / "licenses"
    kept.mkdir()
    shutil.copy(Path(environment.ROOT) / "LICENSE", kept / "credguard.txt")
    python = next(Path(sys.base_prefix).glob("lib/python3*/LICENSE.txt"), None)
    if python:
        shutil.copy(python, kept / "python.txt")
    for one in distributions(path=[str(packages)]):
        for file in one.files or ():
            if "dist-info" in str(file) and any(word in file.name.upper() for word in ("LICEN", "COPYING", "NOTICE")):
                shutil.copy(file.locate(), kept / f"{one.name}-{file.name}")


def test(program: Path, pair: str) -> None:
    """Tries the program in a new repository: raises SystemExit where it does not do what it is for."""
    with tempfile.TemporaryDirectory() as place:
        calm = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        calm |= {"HOME": place, "GIT_CONFIG_NOSYSTEM": "1"}
        repository, secret = Path(place, "r"), pair.rsplit(None, 1)[-1]

        def run(*words: object, code: int = 0) -> str:
            done = subprocess.run(
                [str(word) for word in words], cwd=repository, env=calm, capture_output=True, text=True, check=False
            )
            if done.returncode != code or secret in done.stdout + done.stderr:
                environment.stop(
                    f"{' '.join(map(str, words))}: exit {done.returncode}, not {code}: {done.stderr[-500:]}"
                )
            return done.stdout + done.stderr

        def expect(word: str, output: str) -> None:
            if word not in output:
                environment.stop(f"{program}: no {word} in {output[-500:]}")

        repository.mkdir()
        run("git", "init", "-q")
        for name, value in (("user.name", "a"), ("user.email", "a@example.com")):
            run("git", "config", name, value)
        expect("standalone", run(program, "--version"))
        run(program, "install")
        (repository / "a.ini").write_text(pair)
        run("git", "add", "a.ini")
        expect("CG103", run("git", "commit", "-qm", "leak", code=1))
        run("git", "commit", "-qnm", "leak")
        expect("CG103", run(program, "audit", ".", code=1))
        run(program, "audit", ".", repository, "--format", "json", code=1)
        run(program, "hook", "doctor")


def pack_tar(folder: Path, target: Path) -> None:
    """The folder as a tar.gz that is the same for the same content."""
    when = _find_time()

    def normalize(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mtime = when
        return entry

    with (
        target.open("wb") as raw,
        gzip.GzipFile("", "wb", 9, raw, when) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in [folder, *sorted(folder.rglob("*"))]:
            name = Path("credguard", path.relative_to(folder)).as_posix()
            archive.add(path, name, recursive=False, filter=normalize)


def _lay_out(folder: Path, root: Path) -> None:
    """The folder where packages install it, with a link on PATH."""
    shutil.copytree(folder, root / PLACE, symlinks=True)
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/credguard").symlink_to(f"/{PLACE}/credguard")


def pack_deb(folder: Path, target: Path, version: str, arch: str, work: Path) -> None:
    """The folder as a package for Debian and Ubuntu."""
    root = work / "deb"
    _lay_out(folder, root)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) // 1024
    (root / "DEBIAN").mkdir()
    (root / "DEBIAN/control").write_text(_CONTROL.format(version=version, arch=arch, size=size))
    settings = {**os.environ, "SOURCE_DATE_EPOCH": str(_find_time())}
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", root, target], check=True, env=settings, stdout=sys.stderr
    )


def pack_rpm(folder: Path, output: Path, version: str, arch: str, work: Path) -> None:
    """The folder as a package for Fedora, RHEL and SUSE."""
    root = work / "rpm"
    _lay_out(folder, root)
    (work / "credguard.rpm.spec").write_text(_RPM.format(version=version, place=PLACE))
    subprocess.run(
        ["rpmbuild", "-bb", "--quiet", "--target", arch, "--buildroot", root, "--define", f"_rpmdir {output}",
         "--define", "_rpmfilename credguard-%{VERSION}-1.%{ARCH}.rpm", "--define", "_build_id_links none",
         "--define", "_binary_payload w9.xzdio", "--noclean", "--noprep", work / "credguard.rpm.spec"],
        check=True, stdout=sys.stderr,
    )  # fmt: skip


def main(output: Path) -> None:
    """Builds, tries and packs it."""
    version = (
        (Path(environment.ROOT) / "src/credguard/__init__.py")
        .read_text()
        .partition('__version__ = "')[2]
        .partition('"')[0]
    )
    output.mkdir(parents=True, exist_ok=True)
    machine = platform.machine()
    with tempfile.TemporaryDirectory() as place:
        work = Path(place)
        folder = build(work)
        pair = subprocess.run(
            [work / "venv/bin/python", "-c", _PAIR], capture_output=True, text=True, check=True
        ).stdout
        test(folder / "credguard", pair)
        name = f"credguard-{version}-linux-{machine}"
        pack_tar(folder, output / f"{name}.tar.gz")
        if shutil.which("dpkg-deb"):
            arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
            pack_deb(folder, output / f"credguard_{version}_{arch}.deb", version, arch, work)
        if shutil.which("rpmbuild"):
            pack_rpm(folder, output, version, machine, work)
    made = sorted(path for path in output.iterdir() if path.suffix in (".gz", ".deb", ".rpm"))
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in made)
    (output / "SHA256SUMS").write_text(sums)
    sys.stdout.write(sums)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "dist").absolute())
