"""The dome: shutter, slit, lease."""
