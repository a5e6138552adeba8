"""Task images: built where an engine answers, pushed to ECR under the hash of their source, named by digest."""
