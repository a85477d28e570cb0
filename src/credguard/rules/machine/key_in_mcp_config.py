"""A key in the settings of an AI agent or of an MCP server.

What it does
    `credguard scan --agents` and `credguard doctor` look through the settings of AI agents in a home folder: the
    servers of MCP (`.mcp.json`, `.cursor/mcp.json`, claude_desktop_config.json, `.codex/config.toml` and others),
    hooks and permissions. Reports each credential once a file. No content is shown.

Why it matters
    The files are plain text, are copied between machines with other settings, and agents read them as any file. A
    server of MCP gets the key whole, for as long as it is valid.

How to fix
    Rotate the key. Name a profile (`AWS_PROFILE`) or have the server take it from the environment (`${env:NAME}`,
    `${NAME}`), best with temporary credentials of IAM Identity Center.

References
    modelcontextprotocol.io, "Security best practices"; code.claude.com/docs/en/mcp, "Environment variable expansion".
"""

from __future__ import annotations

from credguard.model.findings import Severity
from credguard.rule import Rule, Trait

RULE = Rule(
    id="CG604",
    name="key-in-mcp-config",
    severity=Severity.HIGH,
    summary="A key in the settings of an AI agent or of an MCP server",
    hint="rotate it; name a profile, or refer to an environment variable",
    practices=("P14",),
    traits=frozenset((Trait.ON_REQUEST,)),
    needs="run `credguard doctor`",
    in_hooks=False,
    remediation=("rotate the key", "name a profile (AWS_PROFILE), or refer to an environment variable instead"),
    references=("https://code.claude.com/docs/en/mcp", "https://modelcontextprotocol.io/docs/concepts/security"),
)
