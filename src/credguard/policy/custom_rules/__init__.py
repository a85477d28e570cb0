"""Rules defined in a policy: their specification, their checks, and their conversion to Rules."""
