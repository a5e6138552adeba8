"""What every task container finds, in AWS and on a laptop."""

# Writable; the root file system is not. The image owns the folder as USER and names it in VOLUME, else ECS mounts it
# for root only (ECS developer guide, "Bind mounts").
SCRATCH = "/scratch"
USER = "1000:1000"
