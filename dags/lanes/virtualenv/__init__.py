"""The lane `virtualenv`: light Python on the worker, in an environment and a process of its own."""
