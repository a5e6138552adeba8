"""What a caller inside a VPC can reach: endpoints with their policies and security groups, or a way to the internet."""
