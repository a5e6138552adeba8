"""Item-item similarity of reading events."""
