"""One attempt of a task, whichever lane runs it: its name, its request, its failures, its report."""
