"""What to recommend to whom: implicit-feedback matrix factorisation of a date's interactions."""
