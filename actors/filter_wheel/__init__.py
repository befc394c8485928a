"""A filter wheel."""
