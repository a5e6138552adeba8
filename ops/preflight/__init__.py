"""`preflight` and `doctor`: what would fail in AWS after half an hour fails here in seconds, with the reason."""
