"""Ordinary least squares of one column of a CSV file on others. Exit codes: 0 done, 2 bad input, else retry."""
