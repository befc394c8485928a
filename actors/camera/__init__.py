"""A camera: one detector of one channel."""
