"""Turns spooled frames into finished ones: headers, places, previews, measures, the index."""
