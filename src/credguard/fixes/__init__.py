"""Applies fixes that are safe: nothing is deleted, no history is rewritten, a second run finds nothing to do."""

from __future__ import annotations

from credguard.fixes.edit import Edit, RefusedError
from credguard.fixes.plan import FixPlan, Mode, find_unignored, plan_fixes

__all__ = ["Edit", "FixPlan", "Mode", "RefusedError", "find_unignored", "plan_fixes"]
