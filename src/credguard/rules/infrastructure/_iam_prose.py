"""Instructions in documentation to attach an administrator's policy: sentences that tell a reader to do so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.rules.infrastructure._iam_managed import ManagedPolicy, find_managed_policy

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_DOCUMENTATION = (".md", ".mdx", ".markdown", ".rst", ".adoc", ".asciidoc")
_RECORDS = compile_lazily(
    r"(?:^|/)(?:changelog|changes|history|news|release[-_]?notes)[^/]*$|/(?:changelogs?|releases)/"
)
_ROOM = 300
_NEAR = 250
_MOST = 1000
_POLICY = compile_lazily(r"\b(?:AdministratorAccess|IAMFullAccess|PowerUserAccess)\b(?![-/\w])")
_SENTENCE = compile_lazily(r"[.!?](?=\s|$)|\n\s*\n|\n\s{0,20}(?:[-*+|#>]|\d{1,2}[.)])\s?|\||<br\s?/?>")
_TELLS = compile_lazily(
    r"(?:\A[\s\d.)*`_\[\]x>-]{0,20}|[,;:]\s{1,4}|\b(?:you|we|then|and|to|must|should|please|can|now|by|next)\s{1,4})"
    r"(?:directly |simply |just |also )?"
    r"(?:attach(?:ing)?|add(?:ing)?|assign(?:ing)?|grant(?:ing)?|give|giving|select|choose|check|tick|search for)\b"
    r"(?=.{0,200}\b(?:polic|permission|user|role|group|access))",
    re.IGNORECASE | re.DOTALL,
)
_AGAINST = compile_lazily(
    r"\b(?:not|never|n[o']t|don.t|avoid\w*|instead|rather than|without|detach\w*|remov\w*|delet\w*|revok\w*|least"
    r"|check (?:if|that)|whether|verif\w*|detect\w*|ensur\w*|audit\w*|monitor\w*|alert\w*|boundar\w*|den(?:y|ies|ied)"
    r"|attacker\w*|exploit\w*|escalat\w*|vulnerab\w*|misconfigur\w*|too (?:broad|permissive)|overly|risk\w*"
    r"|finding\w*|restrict\w*)\b",
    re.IGNORECASE,
)


def is_documentation(path: str) -> bool:
    """True for documentation that tells readers what to do, as a list of changes does not."""
    return path.lower().endswith(_DOCUMENTATION) and not _RECORDS.search(path.lower())


def is_warned_against(text: str, offset: int) -> bool:
    """True if the words above an example speak against it."""
    return _AGAINST.search(text, max(0, offset - _NEAR), offset) is not None


def find_instructions(text: str, ends: Sequence[int]) -> Iterator[tuple[ManagedPolicy, int]]:
    """Policy and offset of every sentence around the offsets that tells to attach an administrator's policy."""
    done = -1
    for end in ends[:_MOST]:
        found = _POLICY.search(text, max(0, end - 24), end + 8)
        if not found or found.start() <= done:
            continue
        done = found.start()
        low, high = max(0, found.start() - _ROOM), min(len(text), found.end() + _ROOM)
        start = max((one.end() for one in _SENTENCE.finditer(text, low, found.start())), default=low)
        stop = next((one.start() for one in _SENTENCE.finditer(text, found.end(), high)), high)
        sentence = text[start:stop]
        policy = find_managed_policy(found[0])
        if policy and _TELLS.search(sentence[: found.end() - start + 60]) and not _AGAINST.search(sentence):
            yield policy, found.start()
