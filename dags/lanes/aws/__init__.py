"""AWS as the lanes of one process share it: calls within budgets, one poller, one reader per log group."""
