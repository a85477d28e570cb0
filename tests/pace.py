"""How much longer everything takes than it would by itself, for tests of how long something takes."""

import os

PACE = 10 if "COVERAGE_PROCESS_CONFIG" in os.environ else 1
"""What is measured line by line is slow."""
