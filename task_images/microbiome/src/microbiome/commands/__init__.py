"""One module per command. Each returns an outcome: exit code, message, numbers for the result document."""
