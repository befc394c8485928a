"""The focuser."""
