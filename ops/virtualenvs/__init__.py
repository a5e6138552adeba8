"""Bundles for the lane `virtualenv`: a task's source and wheels in the DAG bucket, so that workers need no internet."""
