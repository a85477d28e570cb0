"""Plans: what code hosts list, page by page, is listed whole or not at all; no credential is in a plan."""

from __future__ import annotations

import json
import secrets
import time
from typing import TYPE_CHECKING, Any

import pytest

from credguard.cli import main
from credguard.fleet.plan import make_entry, order_entries
from credguard.fleet.shards import parse_shard, select_shard
from tests.fleet.servers import Answer, Host, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = f"token-{secrets.token_hex(20)}"
GITHUB = "/orgs/acme/repos?per_page=100&type=all"
PAGE = {"Link": f'<{{url}}{GITHUB}&page=2>; rel="next"'}
GITLAB = "/api/v4/groups/acme%2Fweb/projects?include_subgroups=true&with_shared=false&per_page=100&order_by=id&sort=asc"


def github(name: str, **more: object) -> dict[str, Any]:
    return {
        "clone_url": f"https://github.example/acme/{name}.git", "size": 12, "default_branch": "main", "archived": False,
        "fork": False, "visibility": "private", "pushed_at": "2026-11-01T00:00:00Z", **more,
    }  # fmt: skip


@pytest.fixture
def host() -> Iterator[Host]:
    with serve(Host()) as running:
        yield running


@pytest.fixture(autouse=True)
def waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that are asked for; they are not made."""
    asked: list[float] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(time, "sleep", asked.append)
    for name in ("GITHUB_TOKEN", "GITLAB_TOKEN", "GITEA_TOKEN", "BITBUCKET_TOKEN"):
        monkeypatch.setenv(name, TOKEN)
    return asked


def plan(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[dict[str, Any]], str]:
    code = main(["fleet", "plan", *words])
    done = capfd.readouterr()
    assert TOKEN not in done.out + done.err
    return code, [json.loads(line) for line in done.out.splitlines()], done.err


def test_github_is_listed_page_by_page(host: Host, capfd: pytest.CaptureFixture[str], waits: list[float]) -> None:
    host.answers = {
        GITHUB: [
            Answer({}, 429, {"Retry-After": "7"}), Answer({}, 502),
            Answer([github("one"), github("old", archived=True)], headers=PAGE),
        ],
        f"{GITHUB}&page=2": [
            Answer({}, 403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}),
            Answer([github("two"), github("copy", fork=True)]),
        ],
    }  # fmt: skip
    code, entries, err = plan(capfd, "--github", "acme", "--url", host.url)
    assert code == 0 and [one["name"] for one in entries] == ["github.example/acme/one", "github.example/acme/two"]
    assert entries[0]["size"] == 12 * 1024 and entries[0]["visibility"] == "private"
    assert "1 left out: archived" in err and "1 left out: forks" in err
    assert waits[0] == 7 and len(waits) == 3
    assert {headers["Authorization"] for _, headers in host.asked} == {f"Bearer {TOKEN}"}
    host.answers[GITHUB] = host.answers[GITHUB][-1:]
    host.answers[f"{GITHUB}&page=2"] = host.answers[f"{GITHUB}&page=2"][-1:]
    _, entries, _ = plan(capfd, "--github", "acme", "--url", host.url, "--archived", "--forks", "--exclude", "*/one")
    assert [one["name"].rpartition("/")[2] for one in entries] == ["copy", "old", "two"]


BROKEN = {
    "the second page fails": [Answer({}, 500)],
    "the second page is cut off": [Answer([github("two")], cut=True)],
    "the second page is no list": [Answer({"message": "later"})],
    "the second page is no JSON": [Answer(b"<html>")],
    "the list leads in a circle": [Answer([github("two")], headers=PAGE)],
    "the list leads to another host": [Answer([github("two")], headers={"Link": '<http://127.0.0.2:9/x>; rel="next"'})],
    "it redirects to another host": [Answer({}, 302, {"Location": "http://127.0.0.2:9/x"})],
    "the limit is used up": [Answer({}, 429, {"Retry-After": "90000"})],
    "access is lost": [Answer({}, 401)],
    "a repository has no address": [Answer([{"name": "x"}])],
}


@pytest.mark.parametrize("way", BROKEN)
def test_a_list_that_breaks_off_is_an_error_and_no_shorter_list(
    host: Host, way: str, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    host.answers = {GITHUB: [Answer([github("one")], headers=PAGE)], f"{GITHUB}&page=2": BROKEN[way]}
    code, _, err = plan(capfd, "--github", "acme", "--url", host.url, "-o", "plan.jsonl")
    assert code == 3 and err.count("\n") == 1 and not (tmp_path / "plan.jsonl").exists()
    assert not [path for path, _ in host.asked if "127.0.0.2" in path]


def test_an_owner_that_is_not_there_is_told(host: Host, capfd: pytest.CaptureFixture[str]) -> None:
    code, _, err = plan(capfd, "--github", "acme", "--url", host.url)
    assert code == 3 and "404" in err


def test_gitlab_gitea_and_bitbucket_are_listed(host: Host, capfd: pytest.CaptureFixture[str]) -> None:
    project = {
        "http_url_to_repo": "https://gitlab.example/acme/web/app.git", "default_branch": "main", "archived": False,
        "visibility": "internal", "last_activity_at": "2026-11-01T00:00:00Z", "statistics": {"repository_size": 99},
    }  # fmt: skip
    host.answers[GITLAB] = [Answer([project], headers={"X-Total": "1"})]
    code, (entry,), _ = plan(capfd, "--gitlab", "acme/web", "--url", host.url)
    assert (code, entry["name"], entry["size"]) == (0, "gitlab.example/acme/web/app", 99)
    host.answers[GITLAB] = [Answer([project], headers={"X-Total": "2"})]
    assert plan(capfd, "--gitlab", "acme/web", "--url", host.url)[0] == 3
    gitea = [github("a", clone_url="https://git.example/acme/a.git", parent=None), github("b")]
    host.answers["/api/v1/orgs/acme/repos?limit=50"] = [Answer(gitea, headers={"X-Total-Count": "2"})]
    code, entries, _ = plan(capfd, "--gitea", "acme", "--url", host.url)
    assert (code, len(entries)) == (0, 2) and host.asked[-1][1]["Authorization"] == f"token {TOKEN}"
    assert plan(capfd, "--gitea", "acme")[0] == 2
    links = {
        "clone": [{"name": "ssh", "href": "git@x:y"}, {"name": "http", "href": "https://ada@bb.example/scm/p/r.git"}]
    }
    first = "/rest/api/latest/projects/PRJ/repos?limit=100&start="
    host.answers[f"{first}0"] = [Answer({"values": [{"links": links}], "isLastPage": False, "nextPageStart": 100})]
    other = {"clone": [{"name": "http", "href": "https://bb.example/scm/p/s.git"}]}
    host.answers[f"{first}100"] = [Answer({"values": [{"links": other}], "isLastPage": True})]
    code, entries, _ = plan(capfd, "--bitbucket", "PRJ", "--url", host.url)
    assert code == 0 and [one["address"] for one in entries] == [
        "https://bb.example/scm/p/r.git",
        "https://bb.example/scm/p/s.git",
    ]
    host.answers[f"{first}100"] = [Answer({"values": []})]
    assert plan(capfd, "--bitbucket", "PRJ", "--url", host.url)[0] == 3


def test_codecommit_is_listed(host: Host, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    url = "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/app"
    names = {"repositories": [{"repositoryName": "app", "repositoryId": "1"}]}
    details = {"repositories": [{"repositoryName": "app", "cloneUrlHttp": url, "defaultBranch": "main"}]}
    host.answers["/"] = [Answer(names), Answer(details), Answer(names), Answer({"repositories": []})]
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    code, (entry,), _ = plan(capfd, "--codecommit", "--url", host.url)
    assert (code, entry["address"], entry["default_branch"]) == (0, url, "main")
    assert plan(capfd, "--codecommit", "--url", host.url)[0] == 3


def test_what_gh_and_glab_print_is_taken(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    gh = [
        {
            "url": "https://github.example/acme/a",
            "diskUsage": 3,
            "defaultBranchRef": {"name": "dev"},
            "isArchived": False,
        }
    ]
    (tmp_path / "gh.json").write_text(json.dumps(gh) + json.dumps([github("b")]))  # as --paginate prints pages
    code, entries, _ = plan(capfd, "--from", "gh.json")
    assert code == 0 and [(one["name"][-1], one["default_branch"]) for one in entries] == [("a", "dev"), ("b", "main")]
    (tmp_path / "gh.json").write_text(json.dumps(gh)[:-5])
    code, entries, err = plan(capfd, "--from", "gh.json")
    assert code == 2 and not entries and "cut off" in err


SECRET = "hunter2hunter2"
BAD = (
    f"https://ada:{SECRET}@host/x.git", f"https://{SECRET}@host/x", f"ssh://ada:{SECRET}@host/x",
    f"https://host/x?token={SECRET}", f"https://host/x#{SECRET}", f"https://host/a@{SECRET}/x", f"ext::sh {SECRET}",
)  # fmt: skip


@pytest.mark.parametrize("address", BAD)
def test_an_address_with_a_credential_is_refused_and_not_repeated(
    address: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list.txt").write_text(f"https://host/fine\n{address}\n")
    code, entries, err = plan(capfd, "--from", "list.txt")
    assert code == 2 and not entries and "list.txt:2" in err and SECRET not in err
    (tmp_path / "plan.jsonl").write_text(json.dumps({"id": "0" * 16, "address": address, "name": "x"}) + "\n")
    code = main(["fleet", "run", "plan.jsonl", "--store", "store"])
    err = capfd.readouterr().err
    assert code == 2 and "plan.jsonl:1" in err and SECRET not in err


@pytest.mark.parametrize("url", ["http://git.example", "https://ada:x@git.example", "ftp://127.0.0.1"])
def test_a_token_is_sent_to_nobody_who_could_read_it_on_its_way(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    code, _, err = plan(capfd, "--gitea", "acme", "--url", url)
    assert code == 2 and err.count("\n") == 1


def test_shards_are_a_partition_that_a_new_repository_does_not_move() -> None:
    entries = order_entries(make_entry(f"https://host/{n}", size=10 + (n == 7) * 10**6) for n in range(200))
    parts = [select_shard(entries, index, 4) for index in range(4)]
    assert sorted(one.id for part in parts for one in part) == sorted(one.id for one in entries)
    more = order_entries([*entries, make_entry("https://host/new", size=10)])
    for index, part in enumerate(parts):
        assert {one.id for one in part} <= {one.id for one in select_shard(more, index, 4)}
    large = [make_entry(f"https://host/large/{n}", size=10**6) for n in range(4)]
    assert [sum(one in large for one in select_shard([*large, *entries[:9]], i, 4)) for i in range(4)] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("text", "variables", "expected"),
    [
        ("", {}, (0, 1)), ("2/8", {}, (1, 8)), ("auto/8", {"JOB_COMPLETION_INDEX": "3"}, (3, 8)),
        ("", {"CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "5"}, (1, 5)),
        ("auto", {"SLURM_ARRAY_TASK_ID": "12", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "10"}, (2, 4)),
        ("", {"AWS_BATCH_JOB_ARRAY_INDEX": "0", "AWS_BATCH_JOB_ARRAY_SIZE": "2"}, (0, 2)),
        ("1/2", {"CI_NODE_INDEX": "2", "CI_NODE_TOTAL": "5"}, (0, 2)),
    ],
)  # fmt: skip
def test_a_shard_is_named_by_the_option_or_by_the_system(
    text: str, variables: dict[str, str], expected: tuple[int, int]
) -> None:
    assert parse_shard(text, variables) == expected
