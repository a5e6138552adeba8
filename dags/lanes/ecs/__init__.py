"""The lane that runs on Amazon ECS."""
