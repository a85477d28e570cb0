"""`credguard mcp`, asked by a real client: what it answers holds no secret, and what fails is never called clean."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.repos import Repository

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.keys import Filler

Question = tuple[str, dict[str, object]]


@pytest.fixture
def ask(tmp_path: Path) -> Callable[[Sequence[Question]], list[Any]]:
    """Asks a server that runs in `tmp_path`: the text of each answer, or of its error."""
    pytest.importorskip("mcp", reason="the extra `mcp` is not installed")
    import anyio
    from mcp import Client, StdioServerParameters

    async def run(questions: Sequence[Question]) -> list[Any]:
        words = ["-m", "credguard", "mcp"]
        server = StdioServerParameters(command=sys.executable, args=words, cwd=tmp_path, env=dict(os.environ))
        async with Client(server, read_timeout_seconds=60) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            assert names == {"scan_text", "scan_paths", "explain_rule", "suggest_fix"}
            answers = []
            for name, given in questions:
                answer = await client.call_tool(name, given)
                (content,) = answer.content
                assert content.type == "text"
                answers.append((bool(answer.is_error), content.text))
            return answers

    return lambda questions: anyio.run(run, questions)


def test_questions(ask: Callable[[Sequence[Question]], list[Any]], tmp_path: Path, filler: Filler) -> None:
    text = filler.fill("aws_access_key_id = {{AKID}}\naws_secret_access_key = {{SECRET}}\n")
    secret = text.split()[-1]
    (tmp_path / "c.ini").write_text(text)
    (tmp_path / "cut.gz").write_bytes(b"\x1f\x8b\x08\0\0\0\0\0\0\0cut")
    clean, leak, paths, page, fix, unknown, missing = ask(
        [
            ("scan_text", {"text": "x = 1\n", "path": "a.py"}),
            ("scan_text", {"text": text}),
            ("scan_paths", {"paths": ["c.ini", "cut.gz"]}),
            ("explain_rule", {"rule": "cg103"}),
            ("suggest_fix", {"text": text, "path": "c.ini"}),
            ("explain_rule", {"rule": secret}),
            ("scan_paths", {"paths": []}),
        ]
    )
    assert clean[0] is False and json.loads(clean[1]) == {"clean": True, "findings": [], "not_scanned": []}
    found = json.loads(leak[1])
    assert not found["clean"] and [one["rule_id"] for one in found["findings"]] == ["CG103"]
    on_disk = json.loads(paths[1])
    assert on_disk["findings"] and not on_disk["clean"] and "cut.gz" in on_disk["not_scanned"][0]
    assert page[1].startswith("CG103 aws-key-pair (critical)\n")
    (advice,) = json.loads(fix[1])["fixes"]
    assert advice["rule_id"] == "CG103" and advice["fix"] and advice["if_it_was_shared"]
    assert unknown[0] and missing[0] and "not checked" in missing[1]
    for _, answer in (clean, leak, paths, page, fix, unknown, missing):
        assert secret[5:] not in answer


def test_an_invalid_policy_is_no_clean_answer(ask: Callable[[Sequence[Question]], list[Any]], tmp_path: Path) -> None:
    repo = Repository(tmp_path)
    repo.write({".credguard.yaml": "version: 99\n"})
    ((failed, words),) = ask([("scan_text", {"text": "x = 1\n", "path": "a.py"})])
    assert failed and "not checked" in words and ".credguard.yaml" in words
