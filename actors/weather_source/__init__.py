"""One weather station."""
