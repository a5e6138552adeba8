"""The tags by which a bill is told apart: stacks put them on what AWS charges for, `tasklane cost report --bill` asks
by them. Containers get the last two from their task or job definition (propagateTags).
"""

PROJECT_TAG, ENVIRONMENT_TAG = "project", "environment"
TASK_TAG, OWNER_TAG = "task", "owner"
