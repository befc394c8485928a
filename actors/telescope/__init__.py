"""The telescope with its mirror cover."""
