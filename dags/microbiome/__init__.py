"""What the microbiome DAGs do themselves, under the MWAA role: find samples and plan batches."""
