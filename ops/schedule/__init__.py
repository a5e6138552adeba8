"""When DAGs run: the next runs in words, the load they make, and how to level it."""
