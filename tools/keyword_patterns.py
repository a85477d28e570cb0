"""Writes credguard/decoders/keyword_patterns.txt: what `keywords` makes of its words takes five milliseconds, which
every run would spend.

`python tools/keyword_patterns.py [TARGET]`
"""

from __future__ import annotations

import sys
from pathlib import Path

from credguard.decoders.keywords import build_base64_patterns, build_number_patterns

TARGET = Path(__file__).parent.parent / "src/credguard/decoders/keyword_patterns.txt"

if __name__ == "__main__":
    lines = (*build_number_patterns(), *build_base64_patterns())
    Path(sys.argv[1] if len(sys.argv) > 1 else TARGET).write_bytes(b"".join(line + b"\n" for line in lines))
