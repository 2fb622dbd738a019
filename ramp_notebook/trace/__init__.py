"""Events, recorder, Trace: what a run did, as inert data."""
