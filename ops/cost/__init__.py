"""What an environment costs: standing still, before a run, after it, and per team."""
