"""Tokens of code hosts: taken from the environment or from git's credential helper, and given to git without being
written anywhere."""

from __future__ import annotations

import os
import subprocess
from base64 import b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from credguard.git.spawn import COMMAND

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECONDS = 30


@dataclass(frozen=True, slots=True)
class TokenSource:
    """Where the token of a host comes from: the `variables` that may hold it, the one that names another `host`, the
    usual one, and the user that git gives with it."""

    variables: tuple[str, ...]
    host_variable: str
    host: str
    user: str


SOURCES = {
    "github": TokenSource(("GH_TOKEN", "GITHUB_TOKEN"), "GH_HOST", "github.com", "x-access-token"),
    "gitlab": TokenSource(("GITLAB_TOKEN",), "GITLAB_HOST", "gitlab.com", "oauth2"),
    "bitbucket": TokenSource(("BITBUCKET_TOKEN",), "BITBUCKET_HOST", "bitbucket.org", "x-token-auth"),
    "gitea": TokenSource(("GITEA_TOKEN",), "GITEA_HOST", "", "x-access-token"),
}


def find_token(kind: str, base: str) -> str:
    """The token for an API, "" where there is none: then the host shows what is public."""
    for name in SOURCES[kind].variables:
        if os.environ.get(name):
            return os.environ[name]
    return _ask_helper(base)


def _ask_helper(base: str) -> str:
    """The password that git's credential helper has for the host."""
    parts = urlsplit(base)
    question = f"protocol={parts.scheme}\nhost={parts.netloc.removeprefix('api.')}\n\n"
    environment = os.environ | {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true", "SSH_ASKPASS": "true"}
    words = [*COMMAND[:1], "credential", "fill"]
    try:
        done = subprocess.run(  # noqa: S603 - git, and no word of anybody
            words, input=question.encode(), capture_output=True, check=False, env=environment, timeout=_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    fields = dict(line.partition("=")[::2] for line in done.stdout.decode("utf-8", "replace").splitlines())
    return fields.get("password", "") if done.returncode == 0 else ""


def build_bearer(token: str) -> dict[str, str]:
    """The header that carries a token, none without one."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def build_basic(user: str, password: str) -> dict[str, str]:
    """The header that carries a user and a password."""
    return {"Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"}


def build_git_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables by which git gives the tokens of this environment to their hosts, and to no other. Its settings name
    the variable and not its value, which git's shell takes from the environment when a host asks."""
    settings: list[tuple[str, str]] = []
    for source in SOURCES.values():
        variable = next((name for name in source.variables if environment.get(name)), "")
        host = environment.get(source.host_variable) or source.host
        if variable and host:
            place = host.rstrip("/") if "://" in host else f"https://{host}"
            helper = f'!f() {{ test "$1" = get && echo username={source.user} && echo "password=${variable}"; }}; f'
            settings += [(f"credential.{place}.helper", ""), (f"credential.{place}.helper", helper)]
    count = int(environment.get("GIT_CONFIG_COUNT") or 0)
    named = {"GIT_CONFIG_COUNT": str(count + len(settings))}
    for number, (name, value) in enumerate(settings, count):
        named |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return named if settings else {}
