"""The quick way of the hook of a server: it says nothing that the full scan would not say, and lets no key in."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest

from credguard.hooks import fast_path, fast_push
from credguard.policy.model import BASELINE as DEFAULT_BASELINE
from credguard.policy.model import POLICY_FILE
from credguard.system import compat
from tests import processes
from tests.hooking import KEY_ID, LEAK, SECRET, ZERO
from tests.judging import BASELINE, POLICY
from tests.repos import Repository, clean_environment

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(not compat.can_spawn, reason="the quick way needs posix_spawn")
CI = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n    - run: make check\n    - run: python tools/ci.py\n"
START = {
    ".github/workflows/ci.yml": CI, "Makefile": "check:\n\tsh scripts/a.sh\n", "scripts/a.sh": "sh scripts/b.sh\n",
    "scripts/b.sh": "credguard ci\n", "tools/ci.py": "import os\nos.system('sh scripts/b.sh')\n", "a.py": "x = 1\n",
    POLICY: "version: 1\nrules: {CG202: low}\n", "b.py": "y = 1\n",
}  # fmt: skip
SLOWLY = ("--no-progress",)
"""An option that changes nothing, and that the quick way does not know."""


class Server:
    """A repository that receives: it has the start of the work and shares its objects."""

    def __init__(self, folder: Path) -> None:
        self.work = Repository(folder / "work")
        self.start = self.work.commit("begin", START)
        self.bare = Repository(folder / "server", bare=True)
        shared = self.bare.folder / "objects" / "info" / "alternates"
        shared.write_text(f"{self.work.folder}/.git/objects\n")
        self.bare.git("update-ref", "refs/heads/main", self.start)
        self.work.git("checkout", "-q", "-b", "first")
        self.work.commit("first", {"a.py": "x = 2\n"})
        assert self.receive("first", slowly=True).returncode == 0  # leaves what the quick way needs

    def begin(self, name: str) -> Repository:
        """The work, on a branch of its own from the start."""
        self.work.git("checkout", "-q", "-f", "-B", name, self.start)
        return self.work

    def receive(
        self, *whats: str, slowly: bool = False, old: str = ZERO, ref: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """What the hook says of a push of these revisions, each to a ref of its own."""
        lines = []
        for what in whats:
            new = ZERO if what == ZERO else self.work.git("rev-parse", what).strip()
            lines.append(f"{old} {new} {ref or 'refs/heads/' + re.sub('[^a-z0-9]', '-', what)}\n")
        return processes.run_text(
            ["hook", "pre-receive", *(SLOWLY if slowly else ())], cwd=self.bare.folder,
            env=clean_environment() | environment, stdin="".join(lines),
        )  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    return Server(tmp_path_factory.mktemp("receive"))


def clean(repo: Repository) -> str:
    return repo.commit("clean", {"src/new.py": "print(1)\n", "src/deep/more.md": "text\n"})


def nothing(repo: Repository) -> str:
    return repo.git("rev-parse", "HEAD").strip()


def message(repo: Repository) -> str:
    return repo.commit(LEAK)


def file(repo: Repository) -> str:
    return repo.commit("x", {"src/k.py": LEAK})


def added_and_removed(repo: Repository) -> str:
    repo.commit("x", {"src/k.py": LEAK})
    return repo.commit("y", {"src/k.py": "k = 1\n"})


def annotated(repo: Repository) -> str:
    repo.git("tag", "-f", "-a", "-m", LEAK, "loud")
    return "loud"


def quiet_tag(repo: Repository) -> str:
    repo.git("tag", "-f", "-a", "-m", "type commit", "quiet")
    return "quiet"


def inner_tag(repo: Repository) -> str:
    repo.git("tag", "-f", "-a", "-m", LEAK, "inner")
    repo.git("tag", "-f", "-a", "-m", "\ntype commit\n", "outer", "inner")
    return "outer"


def tagged_blob(repo: Repository) -> str:
    repo.write({"k": LEAK})
    repo.git("tag", "-f", "-a", "-m", "x", "blob", repo.git("hash-object", "-w", "k").strip())
    (repo.folder / "k").unlink()
    return "blob"


def tree(repo: Repository) -> str:
    return repo.commit("x", {"src/k.py": LEAK}) + "^{tree}"


def name(repo: Repository) -> str:
    return repo.commit("x", {f"src/{KEY_ID}.py": "x\n"})


def env(repo: Repository) -> str:
    return repo.commit("x", {"app/.env": "DEBUG=1\n"})


def evil_merge(repo: Repository) -> str:
    repo.commit("left", {"left.py": "1\n"})
    repo.git("checkout", "-q", "-B", "right", "HEAD^")
    repo.commit("right", {"right.py": "1\n"})
    repo.git("merge", "-q", "--no-commit", "-")
    repo.write({"left.py": LEAK})
    repo.git("add", "left.py")
    repo.git("commit", "-q", "-m", "merged")
    return repo.git("rev-parse", "HEAD").strip()


def clean_merge(repo: Repository) -> str:
    repo.commit("left", {"left.py": "1\n", "both.py": "1\n"})
    repo.git("checkout", "-q", "-B", "right", "HEAD^")
    repo.commit("right", {"right.py": "1\n"})
    repo.git("merge", "-q", "--no-edit", "-")
    return repo.git("rev-parse", "HEAD").strip()


def author(repo: Repository) -> str:
    repo.git("-c", f"user.name={KEY_ID} {SECRET}", "commit", "-q", "--allow-empty", "-m", "x")
    head = repo.git("cat-file", "commit", "HEAD").replace("author Ada", f"author {KEY_ID} {SECRET}")
    return repo.git("hash-object", "-w", "-t", "commit", "--stdin", stdin=head).strip()


def loosened(repo: Repository) -> str:
    return repo.commit("x", {POLICY: "version: 1\nrules: {CG101: off}\n"})


def broken(repo: Repository) -> str:
    return repo.commit("x", {POLICY: "versoin: 1\n"})


def misnamed(repo: Repository) -> str:
    repo.git("rm", "-q", POLICY)
    return repo.commit("x", {".credguard.yml": "version: 1\n"})


def listed(repo: Repository) -> str:
    done = processes.run_text(["scan", "--stdin", "--format", "json"], cwd=repo.folder, stdin=LEAK)
    mark = re.search(r'"fingerprint": "(\w+)"', done.stdout)
    assert mark
    return repo.commit("x", {BASELINE: f"{mark[1]} CG103 src/k.py until=2099-01-01 because\n"})


def no_workflow(repo: Repository) -> str:
    repo.git("rm", "-q", ".github/workflows/ci.yml")
    return repo.commit("x")


def other_target(repo: Repository) -> str:
    return repo.commit("x", {"Makefile": "check:\n\ttrue\n"})


def other_script(repo: Repository) -> str:
    return repo.commit("x", {"scripts/a.sh": "true\n"})


def other_program(repo: Repository) -> str:
    return repo.commit("x", {"tools/ci.py": "print('nothing')\n"})


def shadowed(repo: Repository) -> str:
    return repo.commit("x", {"credguard.py": "print('nothing')\n"})


def mentions(repo: Repository) -> str:
    return repo.commit("aws_secret_access_key from the role", {"a.py": 'os.environ["AWS_SECRET_ACCESS_KEY"]\n'})


def many(repo: Repository) -> str:
    return repo.commit("x", {f"src/m{number}.py": f"m = {number}\n" for number in range(400)})


def one_of_many(repo: Repository) -> str:
    files = {f"src/n{number}.py": f"n = {number}\n" for number in range(400)}
    return repo.commit("x", {**files, "LICENSE": "free\n", "src/n7.py": LEAK})


def license_of_many(repo: Repository) -> str:
    return repo.commit("x", {**{f"src/o{number}.py": f"o = {number}\n" for number in range(400)}, "LICENSE": "free\n"})


WAYS = (
    clean, nothing, message, file, added_and_removed, annotated, quiet_tag, inner_tag, tagged_blob, tree, name, env,
    evil_merge, clean_merge, author, loosened, broken, misnamed, listed, no_workflow, other_target, other_script,
    other_program, shadowed, mentions, many, one_of_many, license_of_many,
)  # fmt: skip
LET_IN = {clean, nothing, quiet_tag, clean_merge, mentions, many, license_of_many}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_the_quick_way_says_what_the_full_scan_says(server: Server, way: Callable[[Repository], str]) -> None:
    what = way(server.begin(way.__name__))
    quick, full = server.receive(what, ref="refs/heads/x"), server.receive(what, ref="refs/heads/x", slowly=True)
    assert (quick.returncode, quick.stderr, quick.stdout) == (full.returncode, full.stderr, full.stdout)
    assert (quick.returncode == 0) == (way in LET_IN), quick.stderr


def test_two_refs_of_which_one_is_bad(server: Server) -> None:
    good, bad = clean(server.begin("good")), file(server.begin("bad"))
    for pair in ((good, bad), (bad, good), (ZERO, good, bad)):
        assert server.receive(*pair).returncode == 1
    assert server.receive(ZERO, good).returncode == server.receive(ZERO).returncode == 0


def test_a_key_in_the_name_of_a_ref(server: Server) -> None:
    done = server.receive(nothing(server.begin("named")), ref=f"refs/heads/try/{KEY_ID}")
    assert done.returncode == 1 and "CG101" in done.stderr


def test_an_old_commit_whose_policy_is_looser(server: Server) -> None:
    """Nothing new comes in with it, and its branch is judged all the same."""
    commit = loosened(server.begin("looser"))
    server.bare.git("update-ref", "refs/heads/looser", commit)
    try:
        assert [server.receive(commit, slowly=slowly).returncode for slowly in (False, True)] == [1, 1]
    finally:
        server.bare.git("update-ref", "-d", "refs/heads/looser")


def test_the_default_branch_that_is_loosened_in_the_end_governs(server: Server) -> None:
    commit = loosened(server.begin("governs"))
    server.work.git("checkout", "-q", "-f", commit)
    more = server.work.commit("x", {"src/more.py": f"k = '{KEY_ID}'\n"})
    server.bare.git("update-ref", "refs/heads/main", commit)
    try:
        assert [server.receive(more, slowly=slowly).returncode for slowly in (False, True)] == [0, 0]
    finally:
        server.bare.git("update-ref", "refs/heads/main", server.start)
    assert server.receive(more).returncode == 1


@pytest.mark.parametrize("way", [clean, file, loosened, listed, misnamed, no_workflow], ids=lambda way: way.__name__)
def test_the_first_push(server: Server, tmp_path: Path, way: Callable[[Repository], str]) -> None:
    repo = server.begin("fresh")
    repo.git("rm", "-q", POLICY)
    repo.commit("no policy")
    new = way(repo) if way is not misnamed else repo.commit("x", {".credguard.yml": "version: 1\n"})
    empty = Repository(tmp_path / "empty", bare=True)
    (empty.folder / "objects" / "info" / "alternates").write_text(f"{repo.folder}/.git/objects\n")
    said = [
        processes.run_text(
            ["hook", "pre-receive", *words], cwd=empty.folder, env=clean_environment(),
            stdin=f"{ZERO} {new} refs/heads/main\n",
        )
        for words in ((), SLOWLY)
    ]  # fmt: skip
    assert said[0].returncode == said[1].returncode and said[0].stderr == said[1].stderr
    assert bool(said[0].returncode) == (way not in (clean, no_workflow))


@pytest.mark.parametrize("seed", range(6))
def test_a_planted_key_is_refused_wherever_it_stands(server: Server, seed: int) -> None:
    seeded = random.Random(seed)
    repo = server.begin(f"planted-{seed}")
    count, size = seeded.choice([1, 1, 3, 12]), seeded.choice([1, 5, 120])
    bad = seeded.randrange(count)
    for number in range(count):
        files = {f"src/{seed}/f{seeded.randrange(99)}.py": f"v = {seeded.random()}\n" for _ in range(size)}
        key = f"key_id = '{KEY_ID}'\n# {'x' * seeded.randrange(9000)}\nsecret = '{SECRET}'\n"
        where = seeded.choice(["file", "data", "message"]) if number == bad else ""
        files |= {"file": {f"src/{seed}/k.py": key}, "data": {"conf/app.yaml": LEAK}}.get(where, {})
        repo.commit(LEAK if where == "message" else "work", files)
    refs = [f"HEAD~{seeded.randrange(count - bad)}", server.start]
    seeded.shuffle(refs)
    done = server.receive(*[repo.git("rev-parse", one).strip() for one in refs])
    assert done.returncode == 1 and "CG10" in done.stderr and SECRET[4:] not in done.stderr


def test_a_cut_history_is_left_to_the_full_scan(server: Server) -> None:
    commit = clean(server.begin("cut"))
    shallow = server.bare.folder / "shallow"
    shallow.write_text(f"{commit}\n")
    try:
        done = server.receive(commit)
    finally:
        shallow.unlink()
    assert done.returncode == 3 and "shallow" in done.stderr


def test_objects_that_are_missing(server: Server) -> None:
    commit = clean(server.begin("missing"))
    oid = server.work.git("rev-parse", f"{commit}:src/new.py").strip()
    place = server.work.folder / ".git" / "objects" / oid[:2] / oid[2:]
    kept = place.read_bytes()
    place.chmod(0o644)
    place.unlink()
    try:
        assert server.receive(commit).returncode == 3
    finally:
        place.write_bytes(kept)


def test_the_names_of_what_settles_a_push_are_known_to_both_ways() -> None:
    assert fast_push._POLICY_FILES == (POLICY_FILE, fast_path.MISNAMED, DEFAULT_BASELINE)
