"""Interactions of a date to a sparse table, and scores to published recommendations."""
