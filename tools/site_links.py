"""Has pages of the docs site lead to files outside docs/ where those are: in the repository. mkdocs.yml names this."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

_LINK = re.compile(r"(?<=\]\()((?:\.\./)+[^)#\s]+)(?=[)#])")
_TARGETS = {True: "tree", False: "blob"}


def on_page_markdown(markdown: str, page: Any, config: Any, **_files: Any) -> str:  # noqa: ANN401
    """The page's text; what mkdocs gives is described in its "Events" (www.mkdocs.org/dev-guide/plugins). A link that
    leads to nothing stays as it is, and mkdocs warns of it."""
    docs = Path(config.docs_dir)

    def lead(found: re.Match[str]) -> str:
        path = Path(os.path.normpath(docs / Path(page.file.src_uri).parent / found[1]))
        if path.is_relative_to(docs) or not path.exists():
            return found[1]
        return f"{config.repo_url}/{_TARGETS[path.is_dir()]}/main/{path.relative_to(docs.parent).as_posix()}"

    return _LINK.sub(lead, markdown)
