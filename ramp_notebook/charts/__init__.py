"""Pictures of a Trace: pure functions, one chart a file."""
