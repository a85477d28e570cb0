"""A report destroys nothing: whatever stands at its path stays what it is, and what cannot be written is exit 2."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from tests import processes
from tests.hooking import LEAK, credguard
from tests.repos import Repository, clean_environment, copy

pytestmark = pytest.mark.skipif(os.name == "nt", reason="devices, pipes and modes of POSIX")

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
WAYS = (
    "scan --format json --output {}", "scan -q --report json={}", "audit -q --format json --output {}",
    "ci -q --report json={}", "doctor -q --no-hooks --format json --output {}",
    "hook pre-commit --format json --output {}", "report convert saved.json --format json --output {}",
)  # fmt: skip
OTHER_FORMATS = ("audit -q --html {}", "ci -q --sarif-file {}", "scan --output {}", "hook pre-commit --report csv={}")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with nothing that blocks, and a saved report."""
    repo = Repository(tmp_path_factory.mktemp("reports") / "repo")
    repo.commit("begin", {"a.txt": "x\n", ".gitignore": ".env\n.env.*\n!.env.example\n*.json\n"})
    done = credguard("scan", "--format", "json", cwd=repo.folder)
    (repo.folder / "saved.json").write_text(done.stdout)
    return repo.folder


@pytest.fixture
def repo(made: Path, tmp_path: Path) -> Repository:
    """A copy of it."""
    return copy(made, tmp_path / "repo")


def shell(repo: Repository, words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command line of a shell, in which `credguard` is ours."""
    words = words.replace("credguard ", f"{processes.format_command()} ")
    return subprocess.run(
        ["bash", "-c", words], cwd=repo.folder, timeout=120, check=False,
        env=clean_environment() | environment, capture_output=True, text=True,
    )  # fmt: skip


def node(path: Path, minor: int) -> Path:
    """A device that is nobody else's: 3 takes everything (null), 7 takes nothing (full)."""
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, minor))
        path.open("wb").close()
    except OSError as error:
        pytest.skip(f"no device can be made or opened here: {error.strerror}")
    return path


def is_report(data: bytes | str) -> bool:
    return bool(json.loads(data)["schema_version"] == 1)


@pytest.mark.parametrize("way", [*WAYS, *OTHER_FORMATS])
def test_a_device_stays_a_device(repo: Repository, tmp_path: Path, way: str) -> None:
    null = node(tmp_path / "null", 3)
    before = null.stat()
    done = shell(repo, f"credguard {way.format(null)}")
    assert done.returncode == 0, done.stderr
    after = null.lstat()
    assert (after.st_mode, after.st_rdev, after.st_ino) == (before.st_mode, before.st_rdev, before.st_ino)


@pytest.mark.parametrize("way", [*WAYS, *OTHER_FORMATS])
def test_a_full_device_is_wrong_use_and_no_bug(repo: Repository, tmp_path: Path, way: str) -> None:
    full = node(tmp_path / "full", 7)
    done = shell(repo, f"credguard {way.format(full)}")
    assert done.returncode == 2 and "No space left on device" in done.stderr
    assert stat.S_ISCHR(full.lstat().st_mode)


@pytest.mark.parametrize(
    "words", ["scan", "scan --format json", "audit", "rules", "explain CG101", "practices", "--version", "--help",
              "scan --help", "diff saved.json saved.json", "report convert saved.json", "doctor --no-hooks", "install"],
)  # fmt: skip
def test_standard_output_that_takes_nothing_is_no_success(repo: Repository, tmp_path: Path, words: str) -> None:
    full = node(tmp_path / "full", 7)
    reader, gone = os.pipe()
    os.close(reader)
    for where in (f">{full}", ">&-", ""):
        done = subprocess.run(
            ["bash", "-c", f"{processes.format_command()} {words} {where}"],
            cwd=repo.folder, timeout=120, check=False, env=clean_environment(), stdout=gone, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert done.returncode == 2, (where, done.stderr)
        assert "standard output could not be written" in done.stderr and "Exception" not in done.stderr
    os.close(gone)


def test_messages_that_cannot_be_told_change_no_answer(repo: Repository, tmp_path: Path) -> None:
    full = node(tmp_path / "full", 7)
    for closed in (f"2>{full}", "2>&-"):
        for words in ("scan -q", "ci -q", "audit -q --progress", "audit -q . ."):
            done = shell(repo, f"credguard {words} {closed}")
            assert done.returncode == 0, (words, closed)
    repo.write({"c.ini": LEAK})
    assert shell(repo, f"credguard scan 2>{full}").returncode == 1


def test_a_closed_standard_input_is_not_an_empty_one(repo: Repository) -> None:
    for words in ("scan --stdin", "hook pre-push origin url"):
        done = shell(repo, f"credguard {words} <&-")
        assert done.returncode == 2 and "standard input" in done.stderr


@pytest.mark.parametrize("way", WAYS)
def test_standard_output_by_name(repo: Repository, way: str) -> None:
    quiet = " 2>/dev/null"
    for name in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/proc/thread-self/fd/1", "out"):
        if name == "out":
            (repo.folder / "out").symlink_to("/dev/stdout")
        if "report" in way.split(" -", maxsplit=1)[0] or "--report" not in way:
            done = shell(repo, f"credguard {way.format(name)} {quiet}")
            assert is_report(done.stdout[done.stdout.index("{") :]), name
    assert os.readlink(repo.folder / "out") == "/dev/stdout"


def test_standard_output_that_is_a_file_is_gone_on_with(repo: Repository) -> None:
    for redirected in (">", ">>"):
        (repo.folder / "log").write_text("before\n")
        number = (repo.folder / "log").stat().st_ino
        done = shell(
            repo, f"{{ echo first; credguard scan --format json --output /dev/stdout; echo last; }} {redirected}log"
        )
        text = (repo.folder / "log").read_text()
        assert done.returncode == 0 and (repo.folder / "log").stat().st_ino == number
        assert text.startswith("before\nfirst\n{" if redirected == ">>" else "first\n{") and text.endswith("}\nlast\n")


def test_a_descriptor_that_was_given_and_one_that_was_not(repo: Repository) -> None:
    done = shell(repo, "credguard scan --format json --output /dev/fd/9 9>nine")
    assert done.returncode == 0 and is_report((repo.folder / "nine").read_bytes())
    done = shell(repo, "credguard scan --format json --output >(cat >process); wait; sleep 0.5")
    assert is_report((repo.folder / "process").read_bytes())
    for number in range(3, 12):  # whatever this process has opened for itself is not written into
        done = shell(repo, f"credguard scan --output /dev/fd/{number}")
        assert done.returncode == 2, number


def test_a_file_that_was_deleted_behind_its_descriptor(repo: Repository) -> None:
    words = "exec 9>gone; rm gone; credguard scan --format json --output /proc/$$/fd/9; cat /proc/$$/fd/9"
    done = shell(repo, f"({words}) 9>&-; {words}")
    assert is_report(done.stdout[: done.stdout.index("\n}\n") + 3])
    assert not [name for name in os.listdir(repo.folder) if "gone" in name]


def test_a_pipe_is_written(repo: Repository, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "pipe").read_bytes()), daemon=True)
    reader.start()
    done = credguard("scan", "--format", "json", "--output", str(tmp_path / "pipe"), cwd=repo.folder)
    reader.join(30)
    assert done.returncode == 0 and is_report(read[0])
    assert stat.S_ISFIFO((tmp_path / "pipe").lstat().st_mode)


def test_a_socket_and_a_folder_are_left_alone(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repo.folder)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        (repo.folder / "folder").mkdir()
        for name in ("socket", "folder", "folder/", ".", "..", "new/", "no/where", "no/../where", "loop", "a\nb/c"):
            (repo.folder / "loop").unlink(missing_ok=True)
            (repo.folder / "loop").symlink_to("loop")
            done = credguard("scan", "--output", name, cwd=repo.folder)
            assert done.returncode == 2 and "could not be written" in done.stderr, name
            assert done.stderr.count("\n") == 1
        assert stat.S_ISSOCK((repo.folder / "socket").lstat().st_mode)
    assert sorted(os.listdir(repo.folder / "folder")) == []
    assert sorted(os.listdir()) == [".git", ".gitignore", "a.txt", "folder", "loop", "saved.json", "socket"]


@pytest.mark.parametrize("way", [*WAYS, *OTHER_FORMATS])
def test_the_target_of_a_link_is_replaced_and_the_link_stays(repo: Repository, tmp_path: Path, way: str) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "report").write_text("old")
    (tmp_path / "one").symlink_to(Path("far", "report"))
    (tmp_path / "two").symlink_to(tmp_path / "one")
    done = shell(repo, f"credguard {way.format(tmp_path / 'two')}")
    assert done.returncode == 0, done.stderr
    assert os.readlink(tmp_path / "one") == "far/report" and os.readlink(tmp_path / "two") == str(tmp_path / "one")
    assert not (tmp_path / "far" / "report").is_symlink() and len((tmp_path / "far" / "report").read_bytes()) > 9
    assert os.listdir(tmp_path / "far") == ["report"]


@pytest.mark.parametrize("target", ["../outside/profile", "../outside/new", ".git/hooks/pre-commit", "../outside/on"])
def test_a_link_that_the_repository_brings_leads_nowhere_else(repo: Repository, tmp_path: Path, target: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "profile").write_text("mine\n")
    (outside / "on").symlink_to("profile")
    (repo.folder / "credguard.sarif").symlink_to(target)
    (repo.folder / "out").symlink_to("../outside")
    repo.commit("links", {"b.txt": "x\n"})
    for path in ("credguard.sarif", "out/profile", str(repo.folder / "out" / "deeper")):
        done = shell(repo, f"credguard scan --format sarif --output {path}")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert "is a link in a repository and leads out of it" in done.stderr
    assert sorted(path.name for path in outside.iterdir()) == ["on", "profile"]
    assert (outside / "profile").read_text() == "mine\n"


def test_a_link_within_the_repository_leads_to_the_report(repo: Repository) -> None:
    (repo.folder / "reports").mkdir()
    (repo.folder / "latest.json").symlink_to("reports/one.json")
    assert shell(repo, "credguard scan --format json --output latest.json").returncode == 0
    assert is_report((repo.folder / "reports/one.json").read_bytes())


def test_a_link_that_leads_nowhere_leads_to_the_report(repo: Repository, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("fresh")
    credguard("scan", "--format", "json", "--output", str(tmp_path / "link"), cwd=repo.folder)
    assert is_report((tmp_path / "fresh").read_bytes()) and (tmp_path / "link").is_symlink()


@pytest.mark.parametrize(
    ("umask", "mode", "way"),
    [
        *[("027", 0o640, way) for way in (*WAYS, *OTHER_FORMATS)],
        *[(umask, mode, WAYS[0]) for umask, mode in (("077", 0o600), ("022", 0o644), ("000", 0o666))],
    ],
)
def test_a_new_report_has_the_mode_that_the_umask_leaves(repo: Repository, umask: str, mode: int, way: str) -> None:
    assert shell(repo, f"umask {umask}; credguard {way.format('report')}").returncode == 0
    assert stat.S_IMODE((repo.folder / "report").stat().st_mode) == mode


@pytest.mark.parametrize(
    "second", ["./r.json", "{folder}/r.json", "sub/../r.json", "link", "hard", "/dev/fd/9", "{folder}//r.json"]
)
def test_two_reports_at_one_place_are_refused_whatever_it_is_called(repo: Repository, second: str) -> None:
    (repo.folder / "sub").mkdir()
    (repo.folder / "link").symlink_to("r.json")
    if second in ("hard", "/dev/fd/9"):
        (repo.folder / "r.json").write_text("before")
        os.link(repo.folder / "r.json", repo.folder / "hard")
    second = second.format(folder=repo.folder)
    for words in (f"--report json=r.json --report csv={second}", f"--report json=r.json --output {second}"):
        done = shell(repo, f"credguard scan {words} 9>>r.json" if "fd/9" in second else f"credguard scan {words}")
        assert done.returncode == 2 and "two reports would be written" in done.stderr
    assert not (repo.folder / "r.json").exists() or (repo.folder / "r.json").read_text() in ("before", "")


def test_a_report_in_the_place_of_standard_output_is_refused(repo: Repository) -> None:
    for path in ("r.json", "/dev/stdout", "./r.json"):
        done = shell(repo, f"credguard scan --report json={path} >r.json")
        assert done.returncode == 2 and "two reports" in done.stderr


@pytest.mark.parametrize(
    ("words", "path"),
    [
        ("scan", ".credguard.yaml"), ("scan", "link"), ("scan sub", "sub/.credguard.yaml"),
        ("scan", ".credguard-baseline"), ("scan", "known"), ("scan --config p.yaml", "./p.yaml"),
        ("scan a.txt", "a.txt"), ("scan --message a.txt", "./a.txt"), ("report convert saved.json", "saved.json"),
        ("audit --resume state", "state"), ("ci --config p.yaml", "p.yaml"),
    ],
)  # fmt: skip
def test_what_credguard_reads_is_not_written_over(repo: Repository, words: str, path: str) -> None:
    repo.write(
        {
            ".credguard.yaml": "version: 1\nbaseline: known\n", "p.yaml": "version: 1\n",
            "sub/.credguard.yaml": "version: 1\n", ".credguard-baseline": "# none\n",
            "known": f"{'ab' * 16} CG103 a.txt -- known\n", "state": "",
        }
    )  # fmt: skip
    (repo.folder / "link").symlink_to(".credguard.yaml")
    before = (repo.folder / path).read_bytes()
    done = shell(repo, f"credguard {words} --output {path}")
    assert done.returncode == 2 and "would overwrite it" in done.stderr, done.stderr
    assert (repo.folder / path).read_bytes() == before


def test_a_report_among_the_files_looked_at_may_be_written_again(repo: Repository) -> None:
    for _ in range(2):
        assert credguard("scan", "--format", "json", "--output", "r.json", cwd=repo.folder).returncode == 0
    assert is_report((repo.folder / "r.json").read_bytes())


def test_no_report_is_written_where_one_cannot_be(repo: Repository) -> None:
    for words in ("--report json=r.json --report nonsense=x", "--report json=r.json --output ./r.json"):
        assert shell(repo, f"credguard scan {words}").returncode == 2
        assert not (repo.folder / "r.json").exists()


def test_rules_are_imported_into_a_new_file_and_never_over_one(repo: Repository, tmp_path: Path) -> None:
    repo.write(
        {"g.toml": '[[rules]]\nid = "x"\ndescription = "x"\nregex = "abcdefgh[0-9]{20}"\nkeywords = ["abcdefgh"]\n'}
    )
    full = node(tmp_path / "full", 7)
    words = "credguard init --import-gitleaks g.toml --output"
    assert shell(repo, f"{words} a.txt").returncode == 2 and (repo.folder / "a.txt").read_text() == "x\n"
    assert shell(repo, f"{words} {full}").returncode == 2
    done = shell(repo, f"{words} new.yaml")
    assert done.returncode == 0 and "abcdefgh" in (repo.folder / "new.yaml").read_text(), done.stderr


def test_what_is_mended_keeps_its_mode_and_owner(repo: Repository) -> None:
    path = repo.folder / ".gitignore"
    path.write_text("x\n")
    path.chmod(0o640)
    if AS_ROOT:
        os.chown(path, 65534, 65534)
    before = path.stat()
    repo.write({".env": "A=1\n"})
    done = shell(repo, "umask 077; credguard fix --apply --fail-on low")
    assert ".env" in path.read_text(), done.stdout + done.stderr
    assert (path.stat().st_mode, path.stat().st_uid) == (before.st_mode, before.st_uid)
    assert not [name for name in os.listdir(repo.folder) if "credguard" in name]
