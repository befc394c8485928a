"""The REST endpoints under `/api/1`, one module per subject, and the list of them all."""
