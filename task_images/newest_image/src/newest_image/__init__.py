"""The newest image of a repository as a task-definition revision."""
