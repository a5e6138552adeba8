"""Waiting for a source of data to change."""
