"""The alert handler: judges notices and calls for observation."""
