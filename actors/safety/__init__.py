"""Safety: who may open, when to close, the lease."""
