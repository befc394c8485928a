"""Writes down what happens: the journal actor, and the recorder of numeric telemetry."""
