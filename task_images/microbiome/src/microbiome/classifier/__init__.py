"""Naive Bayes taxonomy with bootstrap support: reference FASTA, compact model, assignments."""
