"""What is said of an input that one of the policy's limits leaves out, and which limit that is."""

from __future__ import annotations

from credguard.lazy_re import compile_lazily

FILE_SIZE, DEPTH = "file-size", "depth"
"""Keys of `limits` in a policy."""
TOO_DEEP = "is in more nested archives than limits.depth allows; unpack it, or raise that limit"
TOO_OFTEN_ENCODED = "holds text encoded more often than limits.depth allows; decode it"
_MIB = 1 << 20
_OVER = compile_lazily(
    r"(?:not on disk, and )?(?:\d+ MiB is over the limit of \d+ MiB|its \d+ bytes are over the limit); raise it .+"
)
_OF_THE_PAST = compile_lazily(r"object [0-9a-f]{12} of the past: ")


def explain_size(size: int, limit: int) -> str:
    """Why a file of so many bytes was not read."""
    return (
        f"{size / _MIB:.0f} MiB is over the limit of {limit / _MIB:.0f} MiB; "
        f"raise it with --max-file-size {-(-size // _MIB)}M"
    )


def explain_exact_size(size: int) -> str:
    """The same where the limit is not at hand."""
    return f"its {size} bytes are over the limit; raise it with --max-file-size"


def name_object(oid: str, reason: str) -> str:
    """The reason with the object that it is about, for a file of the past."""
    return f"object {oid[:12]} of the past: {reason}"


def find_limit(reason: str) -> str:
    """The limit that a reason is about, "" for none."""
    reason = _OF_THE_PAST.sub("", reason, count=1)
    if reason in (TOO_DEEP, TOO_OFTEN_ENCODED):
        return DEPTH
    return FILE_SIZE if _OVER.fullmatch(reason) else ""
