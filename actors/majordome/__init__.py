"""The majordome: conducts the observatory through its modes."""
