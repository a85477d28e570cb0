"""`credguard fix` in real repositories: what it mends, what it leaves, and that a second run finds nothing."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.hooking import credguard
from tests.keys import Filler
from tests.repos import Repository

if TYPE_CHECKING:
    import subprocess

FILL = Filler("fix")
SECRET, TOKEN = FILL.fill("{{SECRET}}"), FILL.fill("{{ALNUM:32}}")
ENV = FILL.fill(
    "# The web app\n"
    "export AWS_ACCESS_KEY_ID={{AKID}}\n"
    "AWS_SECRET_ACCESS_KEY='{{SECRET}}'  # of the deploy user\n"
    "# old: {{SECRET.2}}\n"
    "#OLD_TOKEN={{ALNUM:32}}\n"
    "# the admin password is hunter\n"
    'KEY="first\nsecond {{SECRET.3}}"\n'
    "{{SECRET.4}}\n"
    "PORT=3000\n"
)
EXAMPLE = "# The web app\nexport AWS_ACCESS_KEY_ID=\nAWS_SECRET_ACCESS_KEY=\n# OLD_TOKEN=\nKEY=\nPORT=\n"
DOTENV = {"package.json": '{"dependencies": {"dotenv": "1"}}\n'}
WORKFLOW = """\
name: deploy
on: push
jobs:
  deploy: # ships it
    # to production
    runs-on: ubuntu-latest
    steps:
      - uses: aws-actions/configure-aws-credentials@v4
        with:
          # of the deploy user
          aws-access-key-id: ${{ secrets.AWS_ACCESS_KEY_ID }}
          aws-secret-access-key: ${{ secrets.AWS_SECRET_ACCESS_KEY }}
          aws-region: eu-west-1
      - run: aws s3 sync . s3://b
"""


def fix(repo: Repository, *args: str, code: int, **environment: str) -> subprocess.CompletedProcess[str]:
    done = credguard("fix", *args, cwd=repo.folder, **environment)
    assert done.returncode == code, done.stdout + done.stderr
    shown = done.stdout + done.stderr
    hidden = [value for value in FILL.secrets if value in shown]
    assert not hidden, "a secret is shown"
    return done


def applied(repo: Repository, *args: str) -> str:
    """Shows, applies, and proves that nothing is left to do."""
    before = snapshot(repo)
    fix(repo, *args, code=1)
    assert snapshot(repo) == before, "the dry run changed something"
    output = fix(repo, "--apply", *args, code=0).stdout
    after = snapshot(repo)
    assert "lse to fix" in (again := fix(repo, "--apply", *args, code=0).stdout) or "Nothing to fix" in again
    assert snapshot(repo) == after, "the second run changed something"
    return output


def snapshot(repo: Repository) -> dict[str, tuple[int, bytes]]:
    """Mode and content of every file, and git's index."""
    found = {}
    for folder, folders, names in os.walk(repo.folder):
        folders[:] = [name for name in folders if name != ".git"]
        for name in names:
            path = Path(folder, name)
            content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
            found[str(path.relative_to(repo.folder))] = (path.lstat().st_mode, content)
    return found | {"index": (0, repo.git("ls-files", "--stage").encode())}


def ignored(repo: Repository, *paths: str) -> bool:
    return all(repo.git("check-ignore", "--no-index", path) for path in paths)


def test_nothing_to_mend(repo: Repository) -> None:
    repo.commit("one", {"a.py": "x = 1\n"})
    assert fix(repo, code=0).stdout == "Nothing to fix.\n"


def test_a_tracked_env_file_leaves_git_and_stays_on_disk(repo: Repository) -> None:
    repo.commit("one", {".env": ENV, ".gitignore": "node_modules\n"})
    applied(repo)
    assert repo.git("ls-files").split() == [".gitignore"]
    assert (repo.folder / ".env").read_text() == ENV
    assert stat.S_IMODE((repo.folder / ".env").stat().st_mode) == 0o600
    assert (repo.folder / ".env.example").read_text() == EXAMPLE
    assert ignored(repo, ".env", ".env.local", ".env.production", "sub/.env")
    assert ".env.example" in repo.git("ls-files", "--others", "--exclude-standard")
    assert repo.git("log", "--oneline").count("\n") == 1


def test_a_file_that_no_commit_holds_needs_no_history_cleaned(repo: Repository) -> None:
    repo.write({".env": ENV})
    repo.add()
    assert "filter-repo" not in applied(repo)


def test_an_example_that_is_there_stays(repo: Repository) -> None:
    repo.commit("one", {".env": ENV, ".env.sample": "AWS_ACCESS_KEY_ID=\n"})
    applied(repo)
    assert not (repo.folder / ".env.example").exists()
    assert not repo.git("status", "--short", ".env.sample")


def test_entries_come_where_git_heeds_them(repo: Repository) -> None:
    """A nested file takes back what the root ignores, an entry does not work, a whitelist re-includes all."""
    repo.commit("one", {
        **DOTENV, ".gitignore": "*.log\n.env/\n", "app/.env.example": "A=\n", "app/.gitignore": "!.env\nbuild\n",
        "web/.env.example": "A=\n", "web/.gitignore": "*\n!*.*\n!*/\n",
    })  # fmt: skip
    applied(repo)
    assert ignored(repo, ".env", "app/.env", "web/.env", ".env.local")
    assert (repo.folder / "app" / ".gitignore").read_text() == "build\n"
    assert (repo.folder / "web" / ".gitignore").read_text().startswith("*\n!*.*\n!*/\n")
    assert not repo.git("status", "--short", "app/.env.example", "web/.env.example")


def test_line_ends_modes_and_a_missing_last_line_end_are_kept(repo: Repository) -> None:
    repo.commit(
        "one", {**DOTENV, ".gitignore": b"dist\r\nbuild", ".dockerignore": b"dist\r\n", "Dockerfile": "COPY . .\n"}
    )
    (repo.folder / ".gitignore").chmod(0o640)
    applied(repo)
    text = (repo.folder / ".gitignore").read_bytes()
    assert text.startswith(b"dist\r\nbuild\r\n.env\r\n")
    assert text.count(b"\n") == text.count(b"\r\n")
    assert stat.S_IMODE((repo.folder / ".gitignore").stat().st_mode) == 0o640
    assert b"**/.env\r\n" in (repo.folder / ".dockerignore").read_bytes()
    assert "\\r" not in fix(repo, "--apply", code=0).stdout


def test_what_only_this_machine_ignores_is_ignored_for_everybody(repo: Repository) -> None:
    repo.commit("one", DOTENV)
    (repo.folder / ".git" / "info" / "exclude").write_text(".env\n.env.*\n")
    applied(repo)
    assert ".env" in (repo.folder / ".gitignore").read_text().split()


def test_docker_contexts(repo: Repository) -> None:
    repo.commit("one", {
        **DOTENV, ".gitignore": ".env\n.env.*\n!.env.example\n",
        "a/Dockerfile": "FROM x\nCOPY . .\n", "a/.env.example": "A=\n",
        "b/Dockerfile": "FROM x\nCOPY . .\n", "b/.env.example": "A=\n",
        "b/.dockerignore": "**/.env\n!b.env\n!**/.env*\n",
        "c/Dockerfile": "FROM x\nCOPY . .\n", "c/Dockerfile.dockerignore": "dist\n", "c/.env.example": "A=\n",
    })  # fmt: skip
    applied(repo)
    assert (repo.folder / "a" / ".dockerignore").read_text() == "**/.env\n**/.env.*\n!**/.env.example\n"
    assert (repo.folder / "b" / ".dockerignore").read_text().startswith("**/.env\n!b.env\n!**/.env*\n**/.env\n")
    assert (repo.folder / "c" / "Dockerfile.dockerignore").read_text().startswith("dist\n**/.env\n")


def test_credential_state_and_root_key_files(repo: Repository) -> None:
    repo.commit("one", {
        "rootkey.csv": FILL.fill("AWSAccessKeyId={{AKID}}\r\nAWSSecretKey={{SECRET}}\r\n"),
        "home/.aws/credentials": FILL.fill("[default]\naws_access_key_id={{AKID}}\naws_secret_access_key={{SECRET}}\n"),
        "infra/terraform.tfstate": '{"version": 4, "resources": [{"type": "x", "instances": [{"attributes": {}}]}]}',
        ".gitignore": ".env\n.env.*\n",
    })  # fmt: skip
    applied(repo)
    assert repo.git("ls-files").split() == [".gitignore"]
    assert ignored(repo, "rootkey.csv", "home/.aws/credentials", "infra/terraform.tfstate", "other.tfstate")


def test_real_values_leave_an_example(repo: Repository) -> None:
    text = FILL.fill("# keep\nAWS_SECRET_ACCESS_KEY='{{SECRET}}'\nAPI_TOKEN={{ALNUM:32}}\r\nREGION=eu-west-1\n")
    repo.commit("one", {".env.example": text, ".gitignore": ".env\n.env.*\n!.env.example\n"})
    output = applied(repo)
    wanted = b"# keep\nAWS_SECRET_ACCESS_KEY=''\nAPI_TOKEN=\r\nREGION=eu-west-1\n"
    assert (repo.folder / ".env.example").read_bytes() == wanted
    assert "git commit --amend --no-edit" in output and "deactivate" not in output


def test_a_workflow_gets_a_role(repo: Repository) -> None:
    repo.commit("one", {".github/workflows/d.yml": WORKFLOW})
    role = "arn:aws:iam::123456789012:role/deploy"
    applied(repo, "--role", role)
    text = (repo.folder / ".github" / "workflows" / "d.yml").read_text()
    assert "secrets." not in text
    assert "  deploy: # ships it\n    # to production\n    permissions:\n      id-token: write\n" in text
    step = yaml.safe_load(text)["jobs"]["deploy"]["steps"][0]
    assert step["with"] == {"role-to-assume": role, "aws-region": "eu-west-1"}
    assert "# of the deploy user" in text


def test_a_role_must_be_one(repo: Repository) -> None:
    assert "is not a role ARN" in fix(repo, "--role", "admin", code=2).stderr


def test_a_workflow_in_another_shape_gets_instructions(repo: Repository) -> None:
    text = WORKFLOW.replace("        with:\n          # of", "        env:\n          # of").replace("aws-", "AWS_")
    text = "env: {AWS_ACCESS_KEY_ID: '${{ secrets.A }}', AWS_SECRET_ACCESS_KEY: '${{ secrets.B }}'}\n" + WORKFLOW[:60]
    text += "\n    runs-on: x\n    steps: [{run: make}]\n"
    repo.commit("one", {".github/workflows/d.yml": text})
    output = fix(repo, "--apply", code=0).stdout
    assert "by hand" in output
    assert "role-to-assume" in output
    assert (repo.folder / ".github" / "workflows" / "d.yml").read_text() == text


def test_what_the_policy_allows_or_switches_off_is_left(repo: Repository) -> None:
    policy = "version: 1\nrules: {CG202: off}\nallow:\n- {rule: CG201, path: .env, reason: public settings}\n"
    repo.commit("one", {".env": ENV, ".credguard.yaml": policy, **DOTENV})
    (repo.folder / ".env").chmod(0o600)
    assert fix(repo, code=0).stdout == "Nothing to fix.\n"


def test_select_and_severity(repo: Repository) -> None:
    repo.commit("one", {"a.py": "x = 1\n", "Dockerfile": "COPY . .\n"})
    fix(repo, code=0)
    assert "+++ b/.gitignore" in fix(repo, "--fail-on", "low", "--select", "CG202", code=1).stdout
    assert ".dockerignore" not in fix(repo, "--fail-on", "low", "--select", "CG202", code=1).stdout


def test_a_link_is_never_followed(repo: Repository, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("theirs\n")
    repo.commit("one", {**DOTENV, ".env": ENV})
    (repo.folder / ".gitignore").symlink_to(outside)
    (repo.folder / ".dockerignore").symlink_to(outside)
    (repo.folder / "Dockerfile").write_text("COPY . .\n")
    output = fix(repo, "--apply", code=1).stdout
    assert outside.read_text() == "theirs\n"
    assert ".gitignore is a symbolic link" in output
    assert ".dockerignore is a symbolic link" in output


def test_an_env_file_behind_a_link_keeps_its_mode(repo: Repository, tmp_path: Path) -> None:
    (tmp_path / "real.env").write_text(ENV)
    (tmp_path / "real.env").chmod(0o644)
    repo.commit("one", {".gitignore": ".env\n.env.*\n"})
    (repo.folder / ".env").symlink_to(tmp_path / "real.env")
    fix(repo, "--apply", code=0)
    assert stat.S_IMODE((tmp_path / "real.env").stat().st_mode) == 0o644


def test_a_conflict_is_left(repo: Repository) -> None:
    repo.commit("base", {".gitignore": "a\n", **DOTENV})
    repo.git("checkout", "--quiet", "-b", "other")
    repo.commit("theirs", {".gitignore": "b\n"})
    repo.git("checkout", "--quiet", "main")
    repo.commit("ours", {".gitignore": "c\n"})
    with pytest.raises(AssertionError):
        repo.git("merge", "other")
    before = (repo.folder / ".gitignore").read_bytes()
    assert ".gitignore is in conflict" in fix(repo, "--apply", code=1).stdout
    assert (repo.folder / ".gitignore").read_bytes() == before


def test_what_is_staged_alone_is_not_lost(repo: Repository) -> None:
    """git refuses to forget content that neither HEAD nor the disk has."""
    repo.commit("one", {".env": ENV})
    repo.write({".env": ENV + "A=1\n"})
    repo.add(".env")
    repo.write({".env": ENV + "A=2\n"})
    assert ".env is still tracked" in fix(repo, "--apply", code=1).stdout
    assert ".env" in repo.git("ls-files").split()


def test_a_tracked_file_that_is_not_on_disk_is_left(repo: Repository) -> None:
    repo.commit("one", {".env": ENV, ".gitignore": ".env*\n!.env.example\n"})
    (repo.folder / ".env").unlink()
    assert "not on disk" in fix(repo, "--apply", code=1).stdout
    assert ".env" in repo.git("ls-files").split()


def test_hostile_names(repo: Repository) -> None:
    """Paths with blanks, quotes, glob and control characters; one that no ignore file can name."""
    names = ["a b/.env.local", "it's/.env", "[x]*/prod.env", "-n/.env", ":(top)/.env", "\x1b[31m/.env"]
    repo.write(dict.fromkeys(names, FILL.fill("DB_PASSWORD={{ALNUM:32}}\n")))
    repo.add()
    repo.commit("one")
    output = fix(repo, "--apply", code=0).stdout
    assert "\x1b" not in output
    assert not [path for path in repo.git("ls-files", "-z").split("\0") if path.endswith(("env", "local"))]
    assert all((repo.folder / name).exists() for name in names)
    assert "Nothing to fix" in fix(repo, code=0).stdout


def test_a_name_that_no_entry_can_hold(repo: Repository) -> None:
    repo.commit("one", {"a\nb.env": FILL.fill("DB_PASSWORD={{ALNUM:32}}\n")})
    output = fix(repo, "--apply", code=1).stdout
    assert "does not keep" in output
    assert (repo.folder / "a\nb.env").exists()


def test_from_a_folder_below_and_by_path(repo: Repository, tmp_path: Path) -> None:
    repo.commit("one", {".env": ENV, "sub/a.py": ""})
    done = credguard("fix", str(repo.folder / "sub"), cwd=tmp_path)
    assert done.returncode == 1
    assert "+++ b/.gitignore" in done.stdout
    assert f"credguard fix {repo.folder}/sub --apply" in done.stdout


def test_no_work_tree(tmp_path: Path) -> None:
    bare = Repository(tmp_path / "bare", bare=True)
    assert "without a work tree" in fix(bare, code=2).stderr
    assert credguard("fix", "nowhere", cwd=tmp_path).returncode == 2


def test_a_repository_within_is_left_to_itself(repo: Repository) -> None:
    inner = Repository(repo.folder / "inner")
    inner.commit("one", {".github/workflows/d.yml": WORKFLOW})
    repo.commit("one", {"a.py": "", ".gitignore": ".env\n.env.*\n"})
    assert "in a nested repository" in fix(repo, "--apply", code=1).stdout
    assert (inner.folder / ".github/workflows/d.yml").read_text() == WORKFLOW


def test_this_machine_only_when_asked(repo: Repository, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    (home / ".aws" / "credentials").write_text(
        FILL.fill("[a]\naws_access_key_id={{AKID}}\naws_secret_access_key={{SECRET}}\n")
    )
    (home / ".aws" / "credentials").chmod(0o644)
    repo.commit("one", {"a.py": ""})
    environment = {"HOME": str(home), "AWS_SHARED_CREDENTIALS_FILE": "", "AWS_CONFIG_FILE": ""}
    fix(repo, "--apply", code=0, **environment)
    assert stat.S_IMODE((home / ".aws" / "credentials").stat().st_mode) == 0o644
    assert "chmod 600" in fix(repo, "--machine", code=1, **environment).stdout
    fix(repo, "--machine", "--apply", code=0, **environment)
    assert stat.S_IMODE((home / ".aws" / "credentials").stat().st_mode) == 0o600
    fix(repo, "--machine", code=0, **environment)
