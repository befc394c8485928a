"""Revisions of `observatory.db`, oldest first by number."""
