"""The label of a value: the words just before it, reduced to letters and digits."""

from __future__ import annotations

from credguard.lazy_re import compile_lazily

_WINDOW, _LINES, _PHRASE = 200, 3, 3
_WORD = compile_lazily(rb"[A-Za-z][A-Za-z0-9_.\-]*")
_SIGNS = compile_lazily(rb"[^A-Za-z0-9]")
_LINE_END = compile_lazily(rb"\r\n|\r|\\{1,3}[nr]")
_ESCAPE = compile_lazily(
    rb"\\{1,3}t|\\u00[0-9A-Fa-f]{2}|\\x[0-9A-Fa-f]{2}|&(?:quot|apos|gt|lt|amp|#\d{2,3});|%(?:3[ADad]|2[0267Cc])"
)
_FILLERS = frozenset(
    b"value val default string str text plain literal type b u r f s is new std export set const let var final "
    b"static public private data td th li p br code pre strong span name".split()
)
_KEY_ID = compile_lazily(rb"A(?:KIA|SIA)[A-Z2-7]{16}")
KEY_ID_LABEL = b"an access key id"
"""The label of a value whose neighbor is an access key ID instead of a name."""


def label_before(data: bytes, start: int) -> bytes:
    """The name or phrase before the value at `start`, in lower case without punctuation; empty for none.

    `EMAIL_HOST_PASSWORD = "` gives "emailhostpassword", `SMTP password: ` gives "smtppassword".
    """
    text = _LINE_END.sub(b"\n", data[max(0, start - _WINDOW) : start])
    text = _ESCAPE.sub(b" ", b"\n".join(text.split(b"\n")[-_LINES:]))
    words = list(_WORD.finditer(text))
    while words and words[-1][0].lower() in _FILLERS:
        words.pop()
    if not words:
        return b""
    if _KEY_ID.fullmatch(words[-1][0]):
        return KEY_ID_LABEL
    first = len(words) - 1
    while first and len(words) - first < _PHRASE and text[words[first - 1].end() : words[first].start()] == b" ":
        first -= 1
    return _SIGNS.sub(b"", text[words[first].start() : words[-1].end()]).lower()
