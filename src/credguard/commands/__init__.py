"""One module per command: `configure(parser)` adds its options and sets `run`."""
