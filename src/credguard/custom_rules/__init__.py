"""Rules that a policy brings along: what they say, how they are checked, and how they become Rules."""
