"""The fan-out page: its data, its files, and what happens to children when their parent ends. Self-contained."""
