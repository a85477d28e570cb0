"""Imports the rules of other scanners into a policy."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from credguard.errors import CredguardError, ExitCode
from credguard.report import make_printable
from credguard.report.groups import format_count
from credguard.system import atomic


def import_gitleaks_rules(path: str, output: str) -> ExitCode:
    """Prints gitleaks' rules as custom rules, or writes them to a new file; lists on standard error what is left out.
    Raises CredguardError for a file that cannot be read or written."""
    from credguard.policy.custom_rules.import_gitleaks import LARGEST_CONFIG, convert_rules, format_rules_file

    try:
        with Path(path).open("rb") as handle:
            data = handle.read(LARGEST_CONFIG + 1)
        kept, left = convert_rules(data)
        text = format_rules_file(kept, Path(path).name)
        if os.path.isfile(output):
            raise CredguardError(f"{output} already exists", "give another --output")
        if output:
            atomic.write_output(output, text.encode())
    except OSError as error:
        raise CredguardError(
            f"{error.filename or output} could not be opened: {error.strerror}", "check the name"
        ) from None
    except ValueError as error:
        raise CredguardError(f"{path} is not a gitleaks rule file: {error}", "give a TOML file of rules") from None
    for line in left:
        print(make_printable(line), file=sys.stderr)
    print(f"{format_count(len(kept), 'rule')} imported, {format_count(len(left), 'thing')} left out", file=sys.stderr)
    if output:
        print(f"to use it, add to .credguard.yaml: `extends: [./{make_printable(output)}]`", file=sys.stderr)
    else:
        print(text, end="")
    return ExitCode.CLEAN
