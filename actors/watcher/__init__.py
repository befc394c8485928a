"""The watcher: sees restarts, dead letters and stalls."""
