"""An example file contains a real value.

What it does
    Reads `.env.example`, `.env.sample`, `.env.template`, `.env.dist` and similar files, and example configuration files
    (`config.yml.example`, `settings.sample.ini`, `terraform.tfvars.example`), and reports values that are credentials:
    an access key ID, a token of a known shape, a private key, or a generated value with the name of a secret. Passwords
    made of words (`changeme`, `postgres`), references (`${VAR}`), documented examples, the public keys of emulators,
    UUIDs and `<placeholders>` are not reported. One finding per value. Medium confidence if only its randomness
    indicates a secret.

Why it matters
    Examples are often copies of the real file. They are committed on purpose, so no one checks them again, and everyone
    who starts from one uses the same secret.

How to fix
    Replace the secret, as it must be considered compromised. Then leave the value empty or write an obvious
    placeholder, such as `your_aws_access_key_here` or `AKIAIOSFODNN7EXAMPLE`.

References
    https://docs.aws.amazon.com/IAM/latest/UserGuide/securing_access-keys.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.aws.key_id import classify_key_id as kind_of_key
from credguard.heuristics.real_values import KEY_ID_ALONE, SecretConfidence, classify_value
from credguard.model.findings import Confidence, Detection, Part, PartRole, Severity
from credguard.model.secret import Secret
from credguard.parsers.assignments import locate_line, parse_dotenv, parse_pairs
from credguard.parsers.utf16 import recode_marked
from credguard.rule import Fix, Rule
from credguard.sources.env_files import EXAMPLE_WORDS, EnvFileKind, classify_env_file, is_fixture, is_vendored
from credguard.sources.tracked import is_encrypted
from credguard.system.compat import encode_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.parsers.assignments import Assignment
    from credguard.sources.worktree import WorkTree

_CLEAN_UP = (
    "git filter-repo --sensitive-data-removal --replace-text expressions.txt  # only after that, in a fresh clone"
)
_MARKS = frozenset("example sample template tmpl tpl dist skel".split())
# Formats of settings; files in the two general data formats count only if their name is one of settings.
_SETTINGS = frozenset("ini cfg conf config cnf toml properties tfvars rc env yml yaml json xml".split())
_DATA = frozenset("yml yaml json xml".split())
_CALLED = frozenset(
    "config configuration conf settings setting secrets secret credentials credential env environment application "
    "appsettings values local database parameters params options preferences docker compose vault keys auth aws".split()
)


def check_tree(tree: WorkTree) -> Iterator[Detection]:
    """The real values in the example files of the tree."""
    for path in tree.files:
        low = path[path.rfind("/") + 1 :].lower()
        if is_example_file(low) and not is_vendored(path):
            data = tree.read(path)
            if data and not is_encrypted(data):
                yield from _check(path, data)


def is_example_file(low: str) -> bool:
    """True for an env example, and for a settings file with a word for example at either end of its name."""
    marked = "ample" in low or "templ" in low or "dist" in low or "tmpl" in low or "tpl" in low or "skel" in low
    if not marked and "env" not in low:
        return False
    if classify_env_file(low) is EnvFileKind.EXAMPLE:
        return True
    words = [word for word in low.replace("-", ".").replace("_", ".").split(".") if word]
    while words and words[-1] in _MARKS:
        words.pop()
    ending = words[-1] if len(words) > 1 else ""
    if ending in _DATA and _CALLED.isdisjoint(words):
        return False
    if low.endswith(tuple("." + mark for mark in _MARKS)):
        return ending in _SETTINGS or not _CALLED.isdisjoint(words)
    return ending in _SETTINGS and (words[0] in _MARKS or (len(words) > 2 and words[-2] in EXAMPLE_WORDS & _MARKS))


def _check(path: str, data: bytes) -> Iterator[Detection]:
    text = recode_marked(data)
    read = parse_dotenv if classify_env_file(path) else parse_pairs
    least = SecretConfidence.KNOWN if is_fixture(path) else SecretConfidence.RANDOM
    for one in read(text):
        value = classify_value(one.name, one.value)
        if value >= least:
            yield _build_detection(path, text, one, value, decoded=text is not data)


def _build_detection(path: str, text: bytes, one: Assignment, value: SecretConfidence, *, decoded: bool) -> Detection:
    name = one.name.decode("ascii", "replace")
    key_id = KEY_ID_ALONE.fullmatch(one.value)
    role = PartRole.ACCESS_KEY_ID if key_id else PartRole.SECRET
    part = Part(role, one.start, one.end, Secret(one.value, public=key_id is not None))
    canary = key_id is not None and kind_of_key(one.value) == "canary"
    return Detection(
        f"{name} in {path}, an example file, has what looks like a real value",
        parts=() if decoded else (part,),  # offsets in the decoded text are not offsets in the file
        severity=Severity.LOW if canary else None,
        confidence=Confidence.HIGH if value is SecretConfidence.KNOWN else Confidence.MEDIUM,
        attributes={"variable": name},
        remediation=(
            "replace the secret where it is used: everyone who read the repository may know it",
            f"leave `{name}` empty in {path}, or write a placeholder",
            _CLEAN_UP,
        ),
        path=path, line=locate_line(text, one.start), identity=(encode_path(path), one.name) if decoded else (),
    )  # fmt: skip


RULE = Rule(
    id="CG205",
    name="real-value-in-example-file",
    severity=Severity.HIGH,
    summary="An example file contains a real value",
    hint="replace it with a placeholder, and replace the secret where it is used",
    practices=("P17",),
    fix=Fix.EXAMPLE,
    check_tree=check_tree,
    yields_to=("CG1", "CG301"),
    references=("https://docs.aws.amazon.com/IAM/latest/UserGuide/securing_access-keys.html",),
)
