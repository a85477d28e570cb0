"""What a hook imports: a commit with nothing to judge must not wait for what it does not need."""

from __future__ import annotations

import subprocess
import sys
from hashlib import blake2b
from typing import TYPE_CHECKING

import pytest

from credguard.system import compat
from tests.hooking import LEAK, ZERO
from tests.keys import Filler
from tests.repos import Repository, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not compat.can_spawn, reason="the quick way needs posix_spawn")
DUMP = (
    "import sys; before = set(sys.modules); from credguard.cli import main; "
    "code = main(['hook', *sys.argv[1:]]); print(code, *sorted(set(sys.modules) - before))"
)
QUICK = {
    "credguard", "credguard.cli", "credguard.git", "credguard.git.commit_message", "credguard.git.spawn",
    "credguard.hooks", "credguard.hooks.engine", "credguard.hooks.fast_path", "credguard.hooks.prefilter",
    "credguard.system", "credguard.system.compat", "credguard.system.ownership",
}  # fmt: skip
PUSH = QUICK | {
    "credguard.hooks.deadline", "credguard.hooks.fast_push", "credguard.hooks.push_note",
    "credguard.hooks.server_options",
}  # fmt: skip
SECOND_LOOK = {
    "credguard.heuristics", "credguard.heuristics.placeholders", "credguard.heuristics.secret_key_shape",
    "credguard.lazy_re",
}  # fmt: skip
OWN = {
    "credguard.aws", "credguard.aws.local_files", "credguard.heuristics", "credguard.heuristics.encodings",
    "credguard.heuristics.placeholders", "credguard.lazy_re",
}  # fmt: skip
SLOW = {
    "argparse", "asyncio", "dataclasses", "datetime", "hashlib", "inspect", "json", "pathlib", "shutil", "subprocess",
    "tempfile",
}  # fmt: skip
NEVER = {"detect_secrets", "git", "gitdb", "tqdm", "yaml"}
MENTIONS = (
    'aws_secret_access_key = os.environ["AWS_SECRET_ACCESS_KEY"]\n'
    "uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # needs secrets.TOKEN\n"
    "import github.com/example/secretmanager/pkg/providers/amazonsecretsmanagerprovider\n"
)


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    repo = Repository(tmp_path / "repo")
    repo.commit("begin", {"a.py": "print('one')\n"})
    stage(repo, {"a.py": "print('two')\n"})
    imported(repo, tmp_path)  # keeps what the quick way needs
    return repo


def stage(repo: Repository, files: dict[str, str]) -> None:
    repo.write(files)
    repo.add()


def imported(repo: Repository, cache: Path, *hook: str, stdin: str = "", **environment: str) -> tuple[str, set[str]]:
    """The exit code of the hook (default: pre-commit), and the modules that it imported."""
    done = subprocess.run(
        [sys.executable, "-c", DUMP, *(hook or ("pre-commit",))], cwd=repo.folder,
        env=clean_environment() | {"XDG_CACHE_HOME": str(cache)} | environment, capture_output=True, text=True,
        check=True, input=stdin,
    )  # fmt: skip
    code, *names = done.stdout.split()
    return code, set(names)


def own(modules: set[str]) -> set[str]:
    return {name for name in modules if name.partition(".")[0] == "credguard"}


def test_the_first_run_keeps_what_the_quick_way_needs(tmp_path: Path) -> None:
    repo = Repository(tmp_path / "repo")
    repo.commit("begin", {"a.py": "print('one')\n"})
    stage(repo, {"a.py": "print('two')\n"})
    code, modules = imported(repo, tmp_path)
    assert code == "0" and "credguard.rules.aws.aws_key_pair" in modules and not modules & NEVER
    code, modules = imported(repo, tmp_path)
    assert code == "0" and own(modules) == QUICK
    assert not modules & (SLOW | NEVER)


def test_nothing_staged_is_as_quick(repo: Repository, tmp_path: Path) -> None:
    repo.git("reset", "-q", "--hard")
    code, modules = imported(repo, tmp_path)
    assert code == "0" and own(modules) == QUICK
    assert not modules & {"typing", "enum", "re", "contextlib", "hyperscan"}  # they take longer than git


def test_words_that_mean_nothing_need_no_rule(repo: Repository, tmp_path: Path) -> None:
    stage(repo, {"a.py": MENTIONS})
    code, modules = imported(repo, tmp_path)
    assert code == "0" and own(modules) == QUICK | SECOND_LOOK
    assert not modules & (SLOW | NEVER)


def test_own_credentials_are_looked_for_without_the_rules(repo: Repository, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".aws" / "sso" / "cache").mkdir(parents=True)
    secret = Filler("own").fill("{{SECRET}}")
    (home / ".aws" / "credentials").write_text(f"[a]\naws_secret_access_key = {secret}\n")
    code, modules = imported(repo, tmp_path, HOME=str(home))
    assert code == "0" and own(modules) == QUICK | OWN
    assert not modules & (SLOW | NEVER)
    (home / ".aws" / "sso" / "cache" / "x.json").write_text(f'{{"accessToken": "{secret[::-1]}/{secret}"}}')
    code, modules = imported(repo, tmp_path, HOME=str(home))
    assert code == "0" and own(modules) == QUICK | OWN
    stage(repo, {"a.py": f"x = '{secret}'\n"})
    code, modules = imported(repo, tmp_path, HOME=str(home))
    assert code == "1" and "credguard.rules.aws.own_credential" in modules


def test_a_message_is_as_quick(repo: Repository, tmp_path: Path) -> None:
    repo.write({"m": "use the role\n\n# secret: nothing\n"})
    code, modules = imported(repo, tmp_path, "commit-msg", "m")
    assert code == "0" and own(modules) == QUICK
    repo.write({"m": LEAK})
    code, modules = imported(repo, tmp_path, "commit-msg", "m")
    assert code == "1"


def test_a_key_is_judged_by_the_rules_and_nothing_else(repo: Repository, tmp_path: Path) -> None:
    stage(repo, {"c.ini": LEAK})
    code, modules = imported(repo, tmp_path)
    assert code == "1" and "credguard.rules.aws.aws_key_pair" in modules and not modules & NEVER


POLICY = ".credguard.yaml"


def twice(repo: Repository, cache: Path) -> tuple[str, set[str]]:
    """The second run's exit code and modules of credguard, with something new staged each time."""
    for text in ("print('two')\n", "print('three')\n"):
        repo.write({"a.py": text})
        repo.add("a.py")
        code, modules = imported(repo, cache)
    return code, own(modules)


@pytest.mark.parametrize(
    "text",
    [
        "", "version: 1\nextends: recommended\n", "rules: {CG202: off, CG101: low}\nstages: {ci: warn}\n",
        "paths: {exclude: [vendor/]}\nallow: [{rule: CG101, path: x/, reason: y, expires: 2020-01-01}]\n",
    ],
)  # fmt: skip
def test_a_policy_that_was_read_before_costs_nothing(repo: Repository, tmp_path: Path, text: str) -> None:
    repo.write({POLICY: text})
    assert twice(repo, tmp_path) == ("0", QUICK)


@pytest.mark.parametrize("text", ["extends: ./team.yaml\n", "extends: strict\n", "limits: {file-size: 1M}\n"])
def test_a_policy_that_depends_on_more_is_read_each_time(repo: Repository, tmp_path: Path, text: str) -> None:
    repo.write({POLICY: text, "team.yaml": "version: 1\n"})
    code, modules = twice(repo, tmp_path)
    assert code == "0" and "credguard.policy.schema_keys" in modules


def test_a_policy_that_cannot_be_followed_stops_even_clean_work(repo: Repository, tmp_path: Path) -> None:
    repo.write({POLICY: "version: 1\n"})
    assert twice(repo, tmp_path) == ("0", QUICK)
    for name, text in ((POLICY, "versoin: 1\n"), (POLICY, "version: 1\n\tx"), (".credguard.yml", "version: 1\n")):
        (repo.folder / POLICY).unlink(missing_ok=True)
        repo.write({name: text})
        assert twice(repo, tmp_path)[0] == "2"
    (repo.folder / ".credguard.yml").unlink()
    (repo.folder / POLICY).symlink_to("a.py")
    assert twice(repo, tmp_path)[0] == "2"


def test_a_note_on_another_policy_does_not_count_under_the_name_of_this_one(repo: Repository, tmp_path: Path) -> None:
    repo.write({POLICY: "version: 1\n"})
    assert twice(repo, tmp_path) == ("0", QUICK)
    (note,) = (tmp_path / "credguard").glob("quick-policy-*")
    repo.write({POLICY: "versoin: 1\n"})
    other = blake2b(b"versoin: 1\n", digest_size=32).hexdigest()
    note.rename(note.with_name(f"quick-policy-{other}"))
    assert twice(repo, tmp_path)[0] == "2"


def test_from_a_folder_below_the_root(repo: Repository, tmp_path: Path) -> None:
    imported(repo, tmp_path)
    repo.write({POLICY: "versoin: 1\n", "sub/b.py": "x = 1\n"})
    below = Repository.__new__(Repository)
    below.folder = repo.folder / "sub"
    assert imported(below, tmp_path)[0] == "2"


def test_a_push_with_nothing_to_report_is_as_quick(tmp_path: Path) -> None:
    work, bare = Repository(tmp_path / "work"), Repository(tmp_path / "bare", bare=True)
    first = work.commit(
        "begin", {"a.py": "print('one')\n", POLICY: "version: 1\n", "Makefile": "all:\n\tcredguard ci\n"}
    )
    second = work.commit("work", {"a.py": "print('two')\n"})
    work.git("tag", "-a", "-m", "a release", "v1")
    work.git("push", "-q", str(bare.folder), "main", "v1")
    bare.git("update-ref", "refs/heads/main", first)
    bare.git("update-ref", "-d", "refs/tags/v1")
    tag = work.git("rev-parse", "v1").strip()
    lines = f"{first} {second} refs/heads/main\n{ZERO} {first} refs/heads/old\n{ZERO} {tag} refs/tags/v1\n"
    code, modules = imported(bare, tmp_path, "pre-receive", stdin=lines)
    assert code == "0" and "credguard.enforcement.call_sites" in modules  # and keeps what the quick way needs
    for words in ((), ("--deadline", "600", "--audit-log", str(tmp_path / "log"))):
        code, modules = imported(bare, tmp_path, "pre-receive", *words, stdin=lines)
        assert code == "0" and own(modules) == PUSH
        assert not modules & ((SLOW | NEVER) - {"tempfile"})
    bad = work.commit("bad", {"b.py": LEAK})
    work.git("push", "-q", str(bare.folder), f"{bad}:refs/heads/y")
    bare.git("update-ref", "-d", "refs/heads/y")
    code, modules = imported(bare, tmp_path, "pre-receive", stdin=f"{ZERO} {bad} refs/heads/x\n")
    assert code == "1" and "credguard.rules.aws.aws_key_pair" in modules
