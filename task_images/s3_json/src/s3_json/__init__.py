"""A JSON document to S3: the smallest task."""
