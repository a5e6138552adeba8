"""A seeded mock community with truth: taxonomy, 16S-like sequences, samples, paired reads, chimeras, bad files."""
