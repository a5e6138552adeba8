"""What the microbiome DAGs do themselves, under the MWAA role: find samples, plan batches. Heavy work is in the lane."""
