"""What every task container finds, in AWS and on a laptop."""

# Writable; the root file system is not. The Dockerfile gives the folder to the user below and names it in VOLUME, else
# ECS mounts it for root only (ECS developer guide, "Bind mounts").
SCRATCH = "/scratch"
# The uid of the user in every image. A number, so that ECS need not trust the image for "not root".
USER = "10001"
