"""Patterns of IAM policies: `*` stands for any text, `?` for any one character (IAM User Guide, "Resource")."""

from __future__ import annotations


def match_action(pattern: str, action: str) -> bool:
    """True where a pattern includes an action; case does not count in actions."""
    return match_pattern(pattern.lower(), action.lower())


def match_pattern(pattern: str, text: str) -> bool:
    """True where a pattern fits the whole text; in time that grows with both lengths, however many `*` there are."""
    at, place, star, back = 0, 0, -1, 0
    while at < len(text):
        if place < len(pattern) and pattern[place] == "*":
            star, back, place = place, at, place + 1
        elif place < len(pattern) and pattern[place] in ("?", text[at]):
            at, place = at + 1, place + 1
        elif star >= 0:
            back += 1
            at, place = back, star + 1
        else:
            return False
    return not pattern[place:].strip("*")
