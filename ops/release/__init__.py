"""Releases: everything that runs in an environment under one id, written once, compared, promoted, rolled back."""
