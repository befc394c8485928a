"""The archive: completes frames and lays them out on disk."""
