"""The live model behind the page."""
