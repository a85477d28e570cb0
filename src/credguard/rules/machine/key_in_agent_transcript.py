"""A key in what an AI agent has kept of its work.

What it does
    `credguard scan --agents` and `credguard doctor` look through the transcripts, memories and caches that AI agents
    keep in a home folder: Claude Code, Codex, Cursor (also its SQLite databases), Copilot, Gemini CLI, Continue and
    Aider. Reports each credential once a file. No content is shown.

Why it matters
    What is in a transcript was sent to the agent's model. The files stay for weeks, are not encrypted, and are read by
    backups, by other agents, and by whoever resumes the session.

How to fix
    Rotate the key: it has left the machine. Then delete the session or the file. `credguard install --agent` keeps keys
    from the next one.

References
    anthropics/claude-code issues 18223 and 59094; code.claude.com/docs/en/data-usage.
"""

from __future__ import annotations

from credguard.model.findings import Severity
from credguard.rule import Rule, Trait

RULE = Rule(
    id="CG603",
    name="key-in-agent-transcript",
    severity=Severity.MEDIUM,
    summary="A key in the transcript of an AI agent",
    hint="rotate the key, which the agent's model has seen; then delete the session",
    practices=("P14",),
    traits=frozenset((Trait.ON_REQUEST,)),
    needs="run `credguard doctor`",
    in_hooks=False,
    remediation=("rotate the key", "delete the session or the file", "run `credguard install --agent NAME`"),
    references=("https://code.claude.com/docs/en/data-usage",),
)
