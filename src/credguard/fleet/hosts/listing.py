"""The repositories of an organisation, as each code host lists them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from credguard.errors import CredguardError, ExitCode
from credguard.fleet.hosts import tokens
from credguard.fleet.hosts.client import HostClient, check_base
from credguard.fleet.plan import PlannedRepository, make_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Lister = Callable[[str, str], list[PlannedRepository]]


def list_github(owner: str, base: str) -> list[PlannedRepository]:
    """The repositories of an organisation; raises CredguardError."""
    base = check_base(base or "https://api.github.com")
    headers = {"X-GitHub-Api-Version": "2022-11-28", **tokens.build_bearer(tokens.find_token("github", base))}
    client = HostClient(base, headers, "GitHub", "Metadata: read and Contents: read")
    found = client.list_pages(f"/orgs/{quote(owner, safe='')}/repos?per_page=100&type=all")
    return read_entries(found, "GitHub")


def list_gitlab(group: str, base: str) -> list[PlannedRepository]:
    """The projects of a group and of those below it; raises CredguardError."""
    base = check_base(base or "https://gitlab.com")
    headers = tokens.build_bearer(tokens.find_token("gitlab", base))
    client = HostClient(f"{base}/api/v4", headers, "GitLab", "read_api and read_repository")
    query = "include_subgroups=true&with_shared=false&per_page=100&order_by=id&sort=asc"
    return read_entries(client.list_pages(f"/groups/{quote(group, safe='')}/projects?{query}"), "GitLab")


def list_gitea(owner: str, base: str) -> list[PlannedRepository]:
    """The repositories of an organisation on Gitea or Forgejo; raises CredguardError."""
    if not base:
        raise CredguardError("--gitea needs --url", "as in --url https://git.example.com")
    base = check_base(base)
    token = tokens.find_token("gitea", base)
    headers = {"Authorization": f"token {token}"} if token else {}
    client = HostClient(f"{base}/api/v1", headers, "Gitea", "read:organization and read:repository")
    return read_entries(client.list_pages(f"/orgs/{quote(owner, safe='')}/repos?limit=50"), "Gitea")


def list_bitbucket(owner: str, base: str) -> list[PlannedRepository]:
    """The repositories of a workspace of Bitbucket Cloud or, with a base, of a project of Bitbucket Data Center; raises
    CredguardError."""
    root = check_base(base or "https://api.bitbucket.org")
    headers = tokens.build_bearer(tokens.find_token("bitbucket", root))
    client = HostClient(root, headers, "Bitbucket", "repository:read")
    path = f"/rest/api/latest/projects/{quote(owner, safe='')}/repos?limit=100&start=0" if base else (
        f"/2.0/repositories/{quote(owner, safe='')}?pagelen=100"
    )  # fmt: skip
    found: list[Any] = []
    known: set[str] = set()
    url = f"{root}{path}"
    while url:
        if url in known:
            raise CredguardError("Bitbucket: its list does not end", "try again", ExitCode.INCOMPLETE)
        known.add(url)
        page, _ = client.fetch(url)
        if not isinstance(page, dict) or not isinstance(page.get("values"), list):
            raise CredguardError("Bitbucket: an answer is no list", "try again", ExitCode.INCOMPLETE)
        found += page["values"]
        url = str(page.get("next") or "")
        if base and not page.get("isLastPage"):
            start = page.get("nextPageStart")
            if not isinstance(start, int):
                raise CredguardError("Bitbucket: its list broke off", "try again", ExitCode.INCOMPLETE)
            url = f"{root}{path.rpartition('=')[0]}={start}"
    return read_entries(found, "Bitbucket")


def list_codecommit(_owner: str, base: str) -> list[PlannedRepository]:
    """The repositories of the account and region that the environment names; raises CredguardError."""
    from credguard.aws.live.client import require_boto3

    require_boto3()
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    names: list[str] = []
    found: list[Mapping[str, Any]] = []
    try:
        client = boto3.client("codecommit", **({"endpoint_url": check_base(base)} if base else {}))
        for page in client.get_paginator("list_repositories").paginate():
            names += [str(one["repositoryName"]) for one in page["repositories"]]
        for start in range(0, len(names), 25):
            answer = client.batch_get_repositories(repositoryNames=names[start : start + 25])
            found += answer["repositories"]
    except (BotoCoreError, ClientError, KeyError) as error:
        hint = "check the region, and that codecommit:ListRepositories and BatchGetRepositories are allowed"
        raise CredguardError(
            f"CodeCommit could not list the repositories: {type(error).__name__}", hint, ExitCode.INCOMPLETE
        ) from None
    if len(found) < len(names):
        raise CredguardError("CodeCommit: its list broke off", "try again", ExitCode.INCOMPLETE)
    return read_entries(found, "CodeCommit")


LISTERS: dict[str, Lister] = {
    "github": list_github, "gitlab": list_gitlab, "gitea": list_gitea, "bitbucket": list_bitbucket,
    "codecommit": list_codecommit,
}  # fmt: skip


def read_entries(found: Iterable[Any], name: str) -> list[PlannedRepository]:
    """The entries of what an API, or a tool that prints its answer, says of repositories; raises CredguardError for
    one that says no address."""
    entries = []
    for number, one in enumerate(found, 1):
        address = _find_address(one) if isinstance(one, dict) else ""
        if not address:
            raise CredguardError(f"{name}: repository {number} of the list has no address", "", ExitCode.INCOMPLETE)
        entries.append(_read_entry(address, one))
    return entries


def _find_address(one: Mapping[str, Any]) -> str:
    """The URL by which the repository is cloned, without the user that Bitbucket puts into it."""
    links = one.get("links")
    clones = links.get("clone") if isinstance(links, dict) else None
    named = [c for c in clones if isinstance(c, dict)] if isinstance(clones, list) else []
    hrefs = [str(link.get("href") or "") for link in named if str(link.get("name")) in ("https", "http")]
    fields = ("clone_url", "http_url_to_repo", "cloneUrlHttp", "url", "sshUrl")
    address = next((str(one[name]) for name in fields if one.get(name)), next(iter(hrefs), ""))
    parts = urlsplit(address)
    if parts.scheme in ("http", "https") and "@" in parts.netloc:
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return address


def _read_entry(address: str, one: Mapping[str, Any]) -> PlannedRepository:
    """The fields of GitHub (API and `gh repo list`), GitLab, Gitea, Bitbucket and CodeCommit."""
    statistics, branch = one.get("statistics"), one.get("defaultBranchRef") or one.get("mainbranch")
    size = 0
    with suppress(TypeError, ValueError):
        size = int(one.get("size") or one.get("diskUsage") or 0)
        size *= 1 if "mainbranch" in one else 1024  # Bitbucket says bytes, GitHub and Gitea KiB
        if isinstance(statistics, dict):
            size = int(statistics.get("repository_size") or size)
    private = one.get("private", one.get("is_private"))
    visibility = str(one.get("visibility") or ("" if private is None else "private" if private else "public"))
    pushed = next((one[name] for name in ("pushed_at", "pushedAt", "last_activity_at", "updated_on", "updated_at",
                                          "lastModifiedDate") if one.get(name)), "")  # fmt: skip
    return make_entry(
        address, size=size,
        default_branch=str((branch or {}).get("name", "") if isinstance(branch, dict) else one.get("default_branch")
                           or one.get("defaultBranch") or ""),
        archived=bool(one.get("archived") or one.get("isArchived")),
        fork=bool(one.get("fork") or one.get("isFork") or one.get("forked_from_project") or one.get("parent")),
        visibility=visibility.lower(), pushed_at=str(pushed),
    )  # fmt: skip
