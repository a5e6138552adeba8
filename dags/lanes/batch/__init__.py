"""The lane that runs on AWS Batch."""
