"""The sequencer: executes one sequence."""
