"""Locates stored AWS access keys in Jenkins pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.aws.static_keys import has_foreign_endpoint, match_key_part
from credguard.errors import UnreadableError
from credguard.lazy_re import compile_lazily
from credguard.parsers.node import Places
from credguard.rules.infrastructure._ci_keys import KeyUse

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

_BINDINGS = compile_lazily(
    r"(?P<assigned>\b[A-Za-z_]\w{2,80})[ \t]{0,8}=[ \t]{0,4}credentials\("
    r"|AmazonWebServicesCredentialsBinding"
    r"|(?<![\w.])aws[ \t]{0,4}\([^()\n]{0,200}credentialsId"
    r"|(?<![\w.])aws[ \t]{0,4}\(\s{0,200}(?:accessKeyVariable|secretKeyVariable|credentialsId)[ \t]{0,4}:"
    r"|(?P<variable>(?:usernameV|passwordV|v)ariable)[ \t]{0,4}:[ \t]{0,4}[\"'](?P<named>\w{3,80})[\"']"
    r"|withAWS[ \t]{0,4}\((?=[^()\n]{0,300}credentials[ \t]{0,4}:)"
)
_NEARBY = 400
_LINE_COMMENT = compile_lazily(r"(?<![:\w])//[^\n]*")
_LONGEST = 4 << 20


def find_key_uses(data: bytes) -> Iterator[KeyUse]:
    """Every binding of an AWS key; adjacent ones are merged. Raises UnreadableError for a file that is too large."""
    if len(data) > _LONGEST:
        raise UnreadableError(f"is larger than {_LONGEST >> 20} MiB, too large to analyze")
    text = _strip_comments(data.decode("utf-8", "replace"))
    if has_foreign_endpoint(text):
        return
    last = -_NEARBY
    places = Places(text)
    for found in _BINDINGS.finditer(text):
        name = found["assigned"] or found["named"]
        if name and match_key_part(name) is None:
            continue
        if found.start() - last >= _NEARBY:
            yield KeyUse(places.locate(found.start())[0], "the pipeline", _pick_taker(found), (name,) if name else ())
        last = found.start()


def _strip_comments(text: str) -> str:
    """The text without its comments; line ends are kept."""
    pieces = []
    done = 0
    while (start := text.find("/*", done)) >= 0 and (end := text.find("*/", start + 2)) >= 0:
        pieces += [text[done:start], "\n" * text.count("\n", start, end)]
        done = end + 2
    return _LINE_COMMENT.sub("", "".join((*pieces, text[done:])))


def _pick_taker(found: re.Match[str]) -> str:
    if found["assigned"]:
        return "credentials()"
    return "withAWS" if found[0].startswith("withAWS") else "withCredentials"
