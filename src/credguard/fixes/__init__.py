"""Mends what can be mended safely: nothing is deleted, no history is rewritten, a second run finds nothing to do."""

from __future__ import annotations

from credguard.fixes.edit import Edit, RefusedError
from credguard.fixes.plan import MENDED, Mode, Plan, plan, unready

__all__ = ["MENDED", "Edit", "Mode", "Plan", "RefusedError", "plan", "unready"]
