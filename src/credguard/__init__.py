"""AWS credential safety for git repositories: scanners, file rules and policies."""

HOME = "https://github.com/OWNER/credguard"
"""Where it is kept; whoever publishes it puts the owner in."""
__version__ = "0.1.0"
