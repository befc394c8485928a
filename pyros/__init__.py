"""PyROS: runs a robotic observatory through the night with nobody there."""
