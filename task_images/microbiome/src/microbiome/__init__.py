"""16S amplicon analysis whose tables do not depend on how the samples were split into batches."""

__version__ = "0.1.0"
