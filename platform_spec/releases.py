"""Where releases are kept in the DAG bucket: the stacks grant and refuse by these prefixes, the CLI writes there."""

RELEASES = "releases/"
RECORDS, BLOBS, ACTIVATIONS = f"{RELEASES}records/", f"{RELEASES}blobs/", f"{RELEASES}activations/"
# Nothing below these is ever written twice.
WRITTEN_ONCE = (RECORDS, BLOBS, ACTIVATIONS)
LOCK = f"{RELEASES}lock.json"
