"""Tells burst advocates what becomes of an alert, by e-mail and webhook."""
