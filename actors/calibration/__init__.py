"""Calibration frames at the end of the night."""
