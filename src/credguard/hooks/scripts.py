"""The text of credguard's git hooks: the plain ones of `hooks/`, and those that `credguard install` writes."""

from __future__ import annotations

import shlex

from credguard.hooks.events import BY_NAME
from credguard.system.compat import is_standalone_build

CHAINED = ".credguard-chained"
"""Suffix of the name of an existing hook; credguard's hook runs it afterwards."""
_MARK = b"written by `credguard install`"
_HEAD = 4096

# Both ignore PYTHONPATH, the current folder, which `python -m` searches first, and relative entries of PATH: a
# repository could supply its own credguard, which lets everything pass.
_PLAIN = """\
#!/bin/sh
# credguard: git's {name} hook, for a folder that core.hooksPath names, or copied into .git/hooks.
# It fails closed: where credguard cannot run, git stops.
# The repository that is looked at must not bring its own credguard: no PYTHONPATH, `python -m` or relative PATH.
unset PYTHONPATH
program=$(command -v credguard)
case $program in /*) exec "$program" hook {name} "$@" ;; esac
start='import sys; sys.path[:] = filter(None, sys.path); from credguard.cli import main'
for name in python3 python; do
    python=$(command -v "$name")
    case $python in /*) ;; *) continue ;; esac
    if "$python" -E -c "$start" </dev/null >/dev/null 2>&1; then
        exec "$python" -E -c "$start; sys.exit(main())" hook {name} "$@"
    fi
done
echo "credguard is missing, so nothing was checked; cure: python3 -I -m pip install /path/to/its/checkout" >&2
exit 2
"""
_INSTALLED = """\
#!/bin/sh
# credguard: git's {name} hook, written by `credguard install`; `credguard uninstall` takes it away.
# It fails closed: where credguard cannot run, git stops. A hook that was here before runs after it.
python={python}
{start}look() {{
    status=127
    if [ -x "$python" ]; then "$python"{call} hook {name} "$@"; status=$?; fi
    program=$(command -v credguard)
    if [ "$status" -eq 127 ] && [ "${{program#/}}" != "$program" ]; then
        (unset PYTHONPATH; exec "$program" hook {name} "$@"); status=$?
    fi
    if [ "$status" -eq 127 ]; then
        echo "credguard is missing, so nothing was checked; cure: install it, then run 'credguard install' here" >&2
        status=2
    fi
    return "$status"
}}
chained=${{0%"${{0##*/}}"}}{name}{chained}
[ "$0" != "$chained" ] || chained=  # this is a copy of it, and must not run itself
{end}"""
_START = """\
# Not `python -m`: the repository that is looked at must not bring its own credguard.
start='import sys
sys.path[:] = filter(None, sys.path)
try:
    from credguard.cli import main
except ModuleNotFoundError:
    sys.exit(127)
sys.exit(main())'
"""
_END = """\
look "$@" || exit $?
[ -x "$chained" ] || exit 0
"$chained" "$@" || exit $?
look "$@"  # again, for what that hook may have changed
"""
# A here-document, not `printf |`: that would truncate a long input if printf is not a builtin.
_FEED = """\
input=$(cat) || exit 2  # of standard input, both get all
feed() {
    if [ -z "$input" ]; then "$@" </dev/null; return; fi
    "$@" <<END
$input
END
}
"""
_END_STDIN = f"""\
{_FEED}feed look "$@" || exit $?
[ -x "$chained" ] || exit 0
feed "$chained" "$@"
"""
# git does not stop after post-rewrite, so other hooks there always run.
_END_REWRITE = f"""\
{_FEED}status=0
feed look "$@" || status=$?
[ ! -x "$chained" ] || feed "$chained" "$@" || status=$?
exit "$status"
"""


def format_plain_hook(name: str) -> bytes:
    """The hook of `hooks/`: it finds credguard on PATH, on every machine."""
    return _PLAIN.format(name=name).encode()


def format_installed_hook(name: str, python: str) -> bytes:
    """The hook for one machine: it starts credguard with `python`, which is credguard itself in a standalone build, and
    runs the chained hook."""
    start, call = ("", "") if is_standalone_build() else (_START, ' -E -c "$start"')
    end = _END_REWRITE if name == "post-rewrite" else _END_STDIN if BY_NAME[name].reads_stdin else _END
    text = _INSTALLED.format(name=name, python=shlex.quote(python), chained=CHAINED, end=end, start=start, call=call)
    return text.encode("utf-8", "surrogateescape")


def is_installed(content: bytes) -> bool:
    """True for a hook that any version of `credguard install` wrote."""
    return _MARK in content[:_HEAD]


def is_own_script(content: bytes, name: str) -> bool:
    """True for the hook of `hooks/`."""
    return content.replace(b"\r\n", b"\n") == format_plain_hook(name)


def has_credguard_call(content: bytes) -> bool:
    """True if a third-party hook names credguard outside a comment."""
    return any(b"credguard" in line and not line.lstrip().startswith(b"#") for line in content.splitlines())
