"""The engine of array jobs: all batches of a size in one AWS Batch job, and again only those that failed."""
