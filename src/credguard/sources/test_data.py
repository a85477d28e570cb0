"""Test data, fixtures and snapshots: nobody deploys them, so what is found of policies and accounts in them is low."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.model.findings import BASIS, Severity
from credguard.sources.env_files import is_fixture

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from credguard.model.findings import Blob, Detection

_TEST_DATA = compile_lazily(
    r"(?:^|/)(?:__snapshots__|__snapshot__|snapshots?|[^/]{1,100}\.snapshot|goldens?|cassettes|integ-?tests?|unit-?tests?)/"
    r"|(?:^|/)(?:test_[^/]{1,100}|integ\.[^/]{1,100}|[^/]{1,100}(?:_test|[.-]test|[._-]spec|[._-]fixture|[._-]mock))\.[a-z.]{1,12}$"
    r"|\.(?:snap|ambr|approved\.\w{1,8})$",
)
_STAGE = compile_lazily(  # of a deployment, which is as real as any
    r"/(?:env|envs|environments?|stages?|accounts?|live|overlays|clusters?|workspaces?|terraform|infra|infrastructure"
    r"|deploy|deployments?|k8s|regions?)/(?:test|testing|e2e)/",
    re.IGNORECASE,
)


def is_test_data(path: str) -> bool:
    """True for files of tests, their data, and snapshots of what a program made."""
    path = _STAGE.sub("/", "/" + path)
    return is_fixture(path) or _TEST_DATA.search(path.lower()) is not None


def lower_test_data(blob: Blob, found: Iterable[Detection]) -> Iterator[Detection]:
    """The detections, low where the blob is test data."""
    data = is_test_data(blob.path)
    for one in found:
        yield replace(one, severity=Severity.LOW, attributes={**one.attributes, BASIS: "test data"}) if data else one
