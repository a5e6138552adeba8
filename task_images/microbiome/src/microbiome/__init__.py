"""16S amplicon analysis whose tables do not depend on how the samples were split into batches."""

from microbiome.machine import use_kernel_cache

__version__ = "0.1.0"

use_kernel_cache()  # here, because it must happen before any module imports numba
