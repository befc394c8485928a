"""Runtime actors: one folder or file per actor, messages beside decisions beside the shell."""
