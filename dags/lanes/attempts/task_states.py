"""What Airflow's word for the state of a task means to its container."""

# Over. In every other state (also up_for_retry and cleared) an attempt still comes, and decides itself whether it goes
# on with the container.
OVER = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
