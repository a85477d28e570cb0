"""What a file is for, by its path alone: source code, settings, a table, a message, an archive."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    from collections.abc import Callable

_MESSAGE = compile_lazily(
    r"(?:commit|tag) [0-9a-f]{12}|commit message|<stdin>|standard input"
    r"|(?:.*[/!])?(?:[^/!]+\.(?:eml|mbox|mbx|har)|[^/!]+[/!]\d{4}-\d{2}-\d{2}\.json|messages\.json)(?:!.*)?",
    re.IGNORECASE | re.DOTALL,
)
_INFRASTRUCTURE = (".tf", ".tf.json", ".hcl", ".bicep", ".nix")
_SETTINGS = (
    *_INFRASTRUCTURE,
    *".json .json5 .jsonc .yaml .yml .toml .ini .cfg .cnf .conf .config .properties .props .xml .plist .reg .env "
    ".tfvars .tfstate .tfstate.backup .template .tpl .tmpl .j2 .example .sample .dist".split(),
)
_SETTINGS_NAMES = frozenset(
    ".netrc _netrc .pgpass .boto .s3cfg .passwd-s3fs .git-credentials .dockercfg .htpasswd credentials config".split()
)
_TABLES = (".csv", ".tsv")
_ARCHIVES = tuple(
    ".zip .gz .tgz .tar .bz2 .tbz2 .xz .txz .zst .7z .rar .jar .war .ear .whl .egg .gem .deb .rpm .apk .cab .iso "
    ".cpio .nupkg .crate .docx .xlsx .pptx .odt .ods .pdf .sqlite .sqlite3 .db".split()
)
_NO_SOURCE = (
    *_TABLES, *_ARCHIVES,
    *".md .mdx .markdown .rst .adoc .asciidoc .org .txt .text .tex .rtf .log .lock .sum .doc .xls .ppt .pem .key .crt "
    ".cer .p12 .pfx .pub .asc .gpg .png .jpg .jpeg .gif .webp .bmp .ico .svg .tif .tiff .psd .mp3 .mp4 .mov .avi .wav "
    ".ogg .webm .woff .woff2 .ttf .otf .eot .parquet .npy .npz .h5 .pkl .pt .onnx .bin .dat .so .dll .dylib .exe .o "
    ".a .class .pyc .wasm".split(),
)  # fmt: skip
_DOCUMENTS = compile_lazily(
    r"(?:licen[cs]e|notice|copying|authors|contributors|maintainers|codeowners|owners|changelog|changes|history|readme"
    r"|contributing|security|version|todo|news)(?:[-_.][\w-]+)?"
)


def get_inner_name(path: str) -> str:
    """The name of a file in lower case, of one in an archive that of the member."""
    return path[max(path.rfind("/"), path.rfind("!")) + 1 :].lower()


def is_message(path: str) -> bool:
    """True for commit messages, what was piped in, and files of mail, recorded traffic, and Slack's and Teams'
    exports."""
    return _MESSAGE.fullmatch(path) is not None


def is_settings(path: str) -> bool:
    """True for a file that holds settings or state, infrastructure as code included."""
    name = get_inner_name(path)
    if name.endswith(_SETTINGS) or name in _SETTINGS_NAMES or name.startswith(".env"):
        return not is_message(path)
    return name.startswith(".") and name.endswith("rc")


def is_source(path: str) -> bool:
    """True for a file of code; what no ending tells to be anything else counts as such."""
    name = get_inner_name(path)
    if name.endswith(_INFRASTRUCTURE):
        return True
    if name.startswith(".") or name.endswith(_NO_SOURCE) or is_message(path) or is_settings(path):
        return False
    return bool(name) and _DOCUMENTS.fullmatch(name) is None


def is_table(path: str) -> bool:
    """True for a table as the AWS console downloads them."""
    return get_inner_name(path).endswith(_TABLES)


def is_archive(path: str) -> bool:
    """True for a file that may hold files of any kind."""
    return get_inner_name(path).endswith(_ARCHIVES)


ROLES: dict[str, Callable[[str], bool]] = {"source": is_source, "settings": is_settings, "message": is_message}
"""Where a secret has to be for a practice to be about it, as `Practice.place` names it."""
