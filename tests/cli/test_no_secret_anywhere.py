"""Two hundred planted credentials, and no output, log, cache or temporary file that holds one of them in the clear."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from credguard.report import FORMATS
from tests import processes
from tests.keys import Filler
from tests.repos import Repository, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

SPELLINGS = (
    "aws_access_key_id={{{{AKID.{n}}}}}\naws_secret_access_key={{{{SECRET.{n}}}}}\n",
    'client(aws_access_key_id="{{{{AKID.{n}}}}}", aws_secret_access_key="{{{{SECRET.{n}}}}}")\n',
    "AWS_SECRET_ACCESS_KEY: {{{{SECRET.{n}}}}}\n",
    "Access key ID,Secret access key\n{{{{AKID.{n}}}}},{{{{SECRET.{n}}}}}\n",
    "ASIA: {{{{ASIA.{n}}}}}\nSecretAccessKey: {{{{SECRET.{n}}}}}\nSessionToken: {{{{TOKEN.{n}}}}}\n",
    "AWS_BEARER_TOKEN_BEDROCK={{{{BEDROCK.{n}}}}}\n",
    "SMTP_USER={{{{AKID.{n}}}}}\nSMTP_PASSWORD={{{{SMTP.{n}}}}} # email-smtp.eu-west-1.amazonaws.com\n",
    "{{{{PEM_PKCS8.{n}}}}}\n",
)
ANSWERS = (0, 1, 2, 3)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Repository, Filler, Path]:
    """A repository with the credentials in files, names, messages, the past, the index and an archive."""
    home = tmp_path_factory.mktemp("leaks")
    filler = Filler("leaks")
    repo = Repository(home / "repo")
    texts = {f"d{n}/f{n}.txt": filler.fill(SPELLINGS[n % len(SPELLINGS)].format(n=n)) for n in range(190)}
    repo.commit("begin", {**texts, "package.json": "{}", "sub/package.json": "{}"})
    repo.commit(filler.fill(SPELLINGS[0].format(n=500)), {"x": filler.fill(SPELLINGS[0].format(n=501))})
    repo.commit("clean", {"x": ""})
    repo.write({f"{filler.fill('{{SECRET.600}}').replace('/', 'x')}.txt": "name\n", ".env": texts["d0/f0.txt"]})
    repo.write({".credguard.yaml": "version: 1\nallow:\n- rule: CG103\n  path: d1/**\n  reason: no\n"})
    repo.add(force=True)
    repo.write({"broken.yaml": "a: [\nAWS_SECRET_ACCESS_KEY: " + filler.fill("{{SECRET.601}}") + "\n\tb: {"})
    return repo, filler, home


def commands(out: Path) -> list[list[str]]:
    """Every command that looks, with every format, and quiet, plain, verbose and debugging."""
    found = [[what, f"--format={name}", "--no-progress"] for name in FORMATS for what in ("scan", "audit")]
    found += [
        ["scan", *flags] for flags in (["-q"], ["-v"], ["--debug"], ["-v", "--progress"], ["--whole-files", "--staged"])
    ]
    found += [
        ["scan", "--range=HEAD~1..HEAD"],
        ["scan", "--history"],
        ["hook", "pre-commit"],
        ["hook", "pre-commit", "-v"],
    ]
    found += [
        ["fix"],
        ["baseline", "create", "--reason=x"],
        ["baseline", "update", "--reason=x"],
        ["doctor"],
    ]
    found += [["practices"], ["audit", f"--html={out / 'page.html'}", f"--resume={out / 'state.db'}"], ["init"], ["ci"]]
    return [*found, ["allow", "0" * 32, "--reason=x"], ["scan", "--config=nowhere"], ["scan", "--select=CG9"]]


def test_nothing_holds_a_secret(planted: tuple[Repository, Filler, Path]) -> None:
    repo, filler, home = planted
    environ = clean_environment() | {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "TMPDIR": str(home / "tmp"),
    }
    (home / "tmp").mkdir()
    (home / "out").mkdir()
    secrets = [secret[6:].encode() for secret in filler.secrets if len(secret) > 16]
    assert len(secrets) >= 200, len(secrets)
    for command in commands(home / "out"):
        done = processes.run(command, cwd=repo.folder, env=environ, timeout=300)
        assert done.returncode in ANSWERS, (command, done.stderr[-500:])
        said = done.stdout + done.stderr
        assert not [secret for secret in secrets if secret in said], command
    for folder in ("cache", "tmp", "out"):
        for path in (home / folder).rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert not [secret for secret in secrets if secret in content], path
    baseline = repo.folder / ".credguard-baseline"
    assert not baseline.exists() or not [secret for secret in secrets if secret in baseline.read_bytes()]


def test_a_value_found_in_a_file_is_not_shown_in_a_path(tmp_path: Path) -> None:
    filler = Filler("paths")
    secret, password = filler.fill("{{SECRET}}").replace("/", "x"), filler.fill("k{{ALNUM:14}}9")
    (tmp_path / f"pair-{secret}.txt").write_text(f"aws_secret_access_key = {secret}\n")
    place = tmp_path / "https:" / f"bob:{password}@git.acme.io"
    place.mkdir(parents=True)
    (place / "a.txt").write_text(f"url = https://bob:{password}@git.acme.io/x\n")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(f"postgres:__u:{password}@h/x", f"postgres://u:{password}@db.acme.io/x\n")
    for command in (*(["scan", f"--format={name}"] for name in FORMATS), ["baseline", "create", "--reason=x"]):
        done = processes.run_text(command, cwd=tmp_path, env=clean_environment())
        assert done.returncode in ANSWERS, done.stderr
        said = done.stdout + done.stderr
        assert secret not in said and password not in said, command
    kept = (tmp_path / ".credguard-baseline").read_text()
    assert secret not in kept and password not in kept
