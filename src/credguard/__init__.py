"""AWS credential safety for git repositories: scanners, file rules and policies."""

__version__ = "0.1.0"
