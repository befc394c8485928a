"""The verdict of all weather stations together."""
