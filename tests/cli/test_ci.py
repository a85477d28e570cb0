"""`credguard ci` on real clones with recorded events, as a CI system calls it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from tests import processes
from tests.keys import Filler
from tests.repos import Repository, clean_environment, write

ROOT = Path(__file__).parents[2]
NONE = "0" * 40


def leak(name: str) -> str:
    return Filler(name).fill("aws_access_key_id={{AKID}}\naws_secret_access_key={{SECRET}}\n")


def git(folder: Path, *args: str) -> str:
    return subprocess.run(
        ["git", *args], cwd=folder, env=clean_environment(), capture_output=True, text=True, check=True
    ).stdout


@dataclass
class Job:
    """A clone of `origin` in which a job runs with GitHub's variables and files."""

    folder: Path
    files: Path
    environ: dict[str, str] = field(default_factory=dict)

    def event(self, name: str, payload: object, sha: str = "") -> None:
        self.files.mkdir(exist_ok=True)
        (self.files / "event.json").write_text(json.dumps(payload))
        self.environ |= {
            "GITHUB_ACTIONS": "true", "CI": "true", "GITHUB_EVENT_NAME": name, "GITHUB_SHA": sha or self.head(),
            "GITHUB_EVENT_PATH": str(self.files / "event.json"), "GITHUB_OUTPUT": str(self.files / "output"),
            "GITHUB_STEP_SUMMARY": str(self.files / "summary.md"),
        }  # fmt: skip

    def head(self) -> str:
        return git(self.folder, "rev-parse", "HEAD").strip()

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in clean_environment().items() if not k.startswith(("GITHUB_", "CI_", "CREDGUARD_"))}
        return processes.run_text(["ci", *args], cwd=self.folder, env=kept | self.environ)

    def outputs(self) -> dict[str, str]:
        lines = (self.files / "output").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def origin(tmp_path: Path) -> Repository:
    repo = Repository(tmp_path / "origin")
    repo.commit("begin", {"a.py": "print(1)\n", ".gitignore": ".env\n"})
    repo.commit("go on", {"a.py": "print(2)\n"})
    return repo


@pytest.fixture
def job(origin: Repository, tmp_path: Path) -> Job:
    return cloned(origin, tmp_path)


def cloned(origin: Repository, tmp_path: Path, *options: str) -> Job:
    folder = tmp_path / "work"
    shutil.rmtree(folder, ignore_errors=True)
    origin.git("clone", "--quiet", *options, origin.folder.as_uri(), str(folder))
    return Job(folder, tmp_path / "runner")


def oid(origin: Repository, revision: str) -> str:
    return origin.git("rev-parse", revision).strip()


def push(before: str, after: str, ref: str = "refs/heads/main", **more: object) -> dict[str, object]:
    event = {"ref": ref, "before": before, "after": after, "repository": {"default_branch": "main"}}
    return event | {"forced": False, "deleted": False} | more


def pull_request(origin: Repository, base: str, head: str) -> dict[str, object]:
    sides = {"base": {"sha": oid(origin, base), "ref": "main"}, "head": {"sha": oid(origin, head)}}
    return {"pull_request": sides, "repository": {"default_branch": "main"}}


def test_a_clean_push_passes(origin: Repository, job: Job) -> None:
    job.event("push", push(oid(origin, "main~1"), oid(origin, "main")))
    done = job.run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert job.outputs() == {"exit-code": "0", "findings": "0", "complete": "true", "sarif-file": ""}


def test_a_key_in_the_middle_of_a_push_fails_although_it_is_gone_at_its_end(origin: Repository, tmp_path: Path) -> None:
    before = oid(origin, "main")
    origin.commit("leak", {"x.ini": leak("middle")})
    origin.commit("clean", {"x.ini": ""})
    job = cloned(origin, tmp_path)
    job.event("push", push(before, oid(origin, "main")))
    done = job.run("--sarif-file", "out.sarif")
    leaked = origin.git("rev-parse", "main~1").strip()[:12]
    where = f"in commit {leaked} by Ada <ada@example.com>, 2026-01-02; no longer in the files"
    assert done.returncode == 1 and f"::{leaked}:x.ini:1:19: " in done.stdout and "file=x.ini" not in done.stdout
    assert done.stdout.count(where) == 2  # in the annotation and in the text
    assert (
        where.replace("<", "&#60;").replace(">", "&#62;").replace("@", "&#64;")
        in (job.files / "summary.md").read_text()
    )
    assert job.outputs()["findings"] == "1" and job.outputs()["sarif-file"] == "out.sarif"
    assert json.loads((job.folder / "out.sarif").read_text())["runs"][0]["results"]
    assert "1 finding blocks" in (job.files / "summary.md").read_text()


@pytest.mark.parametrize("name", ["json", "sarif", "gitlab"])
def test_standard_output_belongs_to_the_format(origin: Repository, tmp_path: Path, name: str) -> None:
    before = oid(origin, "main")
    origin.commit("leak", {"x.ini": leak("format")})
    job = cloned(origin, tmp_path)
    job.event("push", push(before, oid(origin, "main")))
    done = job.run("--format", name)
    assert done.returncode == 1 and json.loads(done.stdout)
    assert "::error file=x.ini" in done.stderr  # which the runner reads as well


def test_annotations_are_there_once(origin: Repository, tmp_path: Path) -> None:
    before = oid(origin, "main")
    origin.commit("leak", {"x.ini": leak("once")})
    job = cloned(origin, tmp_path)
    job.event("push", push(before, oid(origin, "main")))
    for words in ((), ("--format", "github"), ("--format", "github", "--output", "a.txt")):
        done = job.run(*words)
        assert (done.stdout + done.stderr).count("::error file=x.ini") == 1


def test_a_pull_request_from_a_shallow_clone_is_deepened(origin: Repository, tmp_path: Path) -> None:
    origin.git("checkout", "-q", "-b", "topic")
    origin.commit("leak", {"x.ini": leak("shallow")})
    origin.commit("clean", {"x.ini": ""})
    job = cloned(origin, tmp_path, "--depth=1", "--branch=topic")
    job.event("pull_request", pull_request(origin, "main", "topic"))
    done = job.run()
    assert done.returncode == 1, done.stderr


def test_a_shallow_clone_that_cannot_be_deepened_is_incomplete(origin: Repository, tmp_path: Path) -> None:
    job = cloned(origin, tmp_path, "--depth=1")
    git(job.folder, "remote", "set-url", "origin", (tmp_path / "nowhere").as_uri())
    job.event("push", push(oid(origin, "main~1"), oid(origin, "main")))
    done = job.run()
    assert done.returncode == 3 and "fetch-depth: 0" in done.stderr
    assert job.outputs()["exit-code"] == "3" and job.outputs()["complete"] == "false"


def test_pull_request_target_is_refused(origin: Repository, job: Job) -> None:
    job.event("pull_request_target", pull_request(origin, "main~1", "main"))
    done = job.run()
    assert done.returncode == 2 and "secrets" in done.stderr and "pull_request" in done.stderr


def test_a_force_push_whose_base_is_gone_is_judged_against_the_default_branch(
    origin: Repository, tmp_path: Path
) -> None:
    origin.git("checkout", "-q", "-b", "topic")
    origin.commit("leak", {"x.ini": leak("forced")})
    job = cloned(origin, tmp_path, "--branch=topic")
    job.event("push", push("1" * 40, oid(origin, "topic"), "refs/heads/topic", forced=True))
    assert job.run().returncode == 1


def test_a_new_branch_answers_for_its_own_commits_only(origin: Repository, tmp_path: Path) -> None:
    origin.commit("old leak", {"old.ini": leak("old")})
    origin.git("checkout", "-q", "-b", "topic")
    origin.commit("fine", {"b.py": "x = 1\n"})
    job = cloned(origin, tmp_path, "--branch=topic")
    job.event("push", push(NONE, oid(origin, "topic"), "refs/heads/topic"))
    assert job.run().returncode == 0
    job.event("push", push(NONE, oid(origin, "main"), "refs/heads/main"))
    assert job.run().returncode == 1


def test_the_message_of_a_pushed_tag_is_judged(origin: Repository, tmp_path: Path) -> None:
    origin.git("tag", "-a", "v1", "-m", leak("tag"))
    job = cloned(origin, tmp_path)
    job.event("push", push(NONE, oid(origin, "v1"), "refs/tags/v1"))
    assert job.run().returncode == 1


def test_a_deleted_branch_leaves_nothing_to_judge(origin: Repository, job: Job) -> None:
    job.event("push", push(oid(origin, "main"), NONE, "refs/heads/x", deleted=True))
    assert job.run().returncode == 0


def test_a_merge_group_is_judged_against_its_base(origin: Repository, tmp_path: Path) -> None:
    base = oid(origin, "main")
    origin.commit("leak", {"x.ini": leak("queue")})
    job = cloned(origin, tmp_path)
    event = {
        "merge_group": {"base_sha": base, "head_sha": oid(origin, "main")},
        "repository": {"default_branch": "main"},
    }
    job.event("merge_group", event)
    assert job.run().returncode == 1


@pytest.mark.parametrize("name", ["schedule", "workflow_dispatch"])
def test_a_schedule_judges_the_whole_history(origin: Repository, tmp_path: Path, name: str) -> None:
    origin.commit("leak", {"x.ini": leak("old")})
    origin.commit("clean", {"x.ini": ""})
    job = cloned(origin, tmp_path)
    job.event(name, {"repository": {"default_branch": "main"}})
    assert job.run().returncode == 1
    assert job.run("--mode", "tree").returncode == 0


def test_a_pull_request_cannot_switch_off_what_judges_it(origin: Repository, tmp_path: Path) -> None:
    origin.git("checkout", "-q", "-b", "topic")
    policy = "version: 1\nrules:\n  CG103: off\n"
    origin.commit("leak", {"x.ini": leak("tampering"), ".credguard.yaml": policy})
    job = cloned(origin, tmp_path, "--branch=topic")
    job.event("pull_request", pull_request(origin, "main", "topic"))
    for mode in ("change", "tree"):
        done = job.run("--mode", mode, "--format", "json")
        report = json.loads(done.stdout[done.stdout.index("{") :])
        found = {finding["rule_id"] for finding in report["findings"] if finding["outcome"] == "report"}
        assert done.returncode == 1 and {"CG103", "CG005"} <= found, mode


def test_a_second_push_cannot_use_what_a_first_one_loosened(origin: Repository, tmp_path: Path) -> None:
    origin.git("checkout", "-q", "-b", "topic")
    loosened = origin.commit("loosen", {".credguard.yaml": "version: 1\nrules:\n  CG103: off\n  CG101: off\n"})
    origin.commit("leak", {"x.ini": leak("second push")})
    job = cloned(origin, tmp_path, "--branch=topic")
    job.event("push", push(loosened, oid(origin, "topic"), "refs/heads/topic"))
    assert job.run().returncode == 1


def test_a_file_name_cannot_give_the_runner_a_command(origin: Repository, tmp_path: Path) -> None:
    before = oid(origin, "main")
    origin.commit("leak", {"a\n::set-env name=X::y.ini": leak("name")})
    job = cloned(origin, tmp_path)
    job.event("push", push(before, oid(origin, "main")))
    done = job.run()
    assert done.returncode == 1 and not [line for line in done.stdout.splitlines() if line.startswith("::set-env")]


def test_another_baseline_counts_as_the_base_has_it(origin: Repository, tmp_path: Path) -> None:
    origin.commit("leak", {"x.ini": leak("known")})
    args = ("-m", "credguard", "baseline", "create", "--reason=old", "--no-gitattributes")
    subprocess.run([sys.executable, *args], cwd=origin.folder, check=True, capture_output=True, env=clean_environment())
    (origin.folder / ".credguard-baseline").rename(origin.folder / "known.txt")
    origin.commit("known", {"known.txt": (origin.folder / "known.txt").read_text()})
    job = cloned(origin, tmp_path)
    job.event("schedule", {"repository": {"default_branch": "main"}})
    assert job.run("--mode", "tree").returncode == 1
    assert job.run("--mode", "tree", "--baseline", "known.txt").returncode == 0


def test_another_version_is_refused(origin: Repository, job: Job) -> None:
    job.event("push", push(oid(origin, "main~1"), oid(origin, "main")))
    done = job.run("--version", "99.0")
    assert done.returncode == 2 and "99.0" in done.stderr


@pytest.mark.parametrize("ref", ["--output=x", "refs/heads/../x", "HEAD^", "a b"])
def test_a_revision_that_is_none_is_refused(job: Job, ref: str) -> None:
    job.environ = {"BUILDKITE": "true", "BUILDKITE_COMMIT": ref, "BUILDKITE_BRANCH": "x"}
    assert job.run().returncode == 2


def test_gitlab_merge_request(origin: Repository, tmp_path: Path) -> None:
    base = oid(origin, "main")
    origin.git("checkout", "-q", "-b", "topic")
    origin.commit("leak", {"x.ini": leak("gitlab")})
    job = cloned(origin, tmp_path, "--branch=topic")
    job.environ = {
        "GITLAB_CI": "true", "CI_PIPELINE_SOURCE": "merge_request_event", "CI_COMMIT_SHA": oid(origin, "topic"),
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": base, "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main",
    }  # fmt: skip
    done = job.run("--report", "gitlab=quality.json")
    assert done.returncode == 1 and json.loads((job.folder / "quality.json").read_text())


def test_the_action_runs_as_the_runner_would_run_it(origin: Repository, tmp_path: Path) -> None:
    """The composite's only step, with its inputs as variables; the checkout's environment stands in for a fresh one."""
    before = oid(origin, "main")
    origin.commit("leak", {"x.ini": leak("action")})
    job = cloned(origin, tmp_path)
    job.event("push", push(before, oid(origin, "main")))
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    (step,) = action["runs"]["steps"]
    inputs = {name: value["default"] for name, value in action["inputs"].items()}
    variables = {name: str(inputs[value.split("inputs.")[1].split(" ")[0]]) for name, value in step["env"].items()}
    assert step["shell"] == "bash" and "${{" not in step["run"]
    environ = clean_environment() | job.environ | variables | {"GITHUB_ACTION_PATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", step["run"]], cwd=job.folder, env=environ, capture_output=True,
        text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    assert set(job.outputs()) == set(action["outputs"])
    assert (job.folder / job.outputs()["sarif-file"]).exists()


def test_the_files_to_copy_pass_the_linter_of_workflows(tmp_path: Path) -> None:
    zizmor = Path(sys.executable).with_name("zizmor")
    if not zizmor.exists():
        pytest.skip("zizmor is not installed beside this Python")
    workflow = (ROOT / "docs/ci/github.yml").read_text().replace("FULL-COMMIT-ID", "a" * 40)
    files = {"action.yml": (ROOT / "action.yml").read_text(), ".github/workflows/credguard.yml": workflow}
    write(tmp_path, files)
    for name in files:
        done = subprocess.run(
            [zizmor, "--offline", "--no-progress", "--pedantic", name], cwd=tmp_path, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout


def test_an_unknown_system_compares_with_the_default_branch(origin: Repository, tmp_path: Path) -> None:
    job = cloned(origin, tmp_path)
    job.environ = {"CI": "true"}
    git(job.folder, "switch", "-q", "-c", "x")
    (job.folder / "c.ini").write_text(leak("unknown"))
    git(job.folder, "add", "c.ini")
    git(job.folder, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "leak")
    git(job.folder, "rm", "-q", "c.ini")
    git(job.folder, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "gone")
    done = job.run()
    assert done.returncode == 1 and "CG103" in done.stdout, done.stdout + done.stderr
    git(job.folder, "branch", "-f", "main", "x")
    git(job.folder, "update-ref", "refs/remotes/origin/main", "x")
    assert job.run().returncode == 1, "on the default branch itself the whole history is scanned"


def test_an_unknown_system_without_a_default_branch_is_no_success(origin: Repository, tmp_path: Path) -> None:
    job = cloned(origin, tmp_path)
    job.environ = {"CI": "true"}
    git(job.folder, "remote", "remove", "origin")
    done = job.run()
    assert done.returncode == 2
    assert "CREDGUARD_DEFAULT_BRANCH" in done.stderr
