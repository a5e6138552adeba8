"""The methods paragraph, with this run's parameters, ready for a paper's supplement."""

from microbiome import __version__
from microbiome.classifier.assign import BOOTSTRAPS
from microbiome.denoise import PARENT_FOLD
from microbiome.kernels.overlap import MIN_OVERLAP
from microbiome.kernels.pairs import MAX_MISMATCH_SHARE
from microbiome.mapping import EDITS_PERCENT
from microbiome.settings import Settings


def methods_text(settings: Settings) -> list[str]:
    """Paragraphs of plain text."""
    primers = (
        f"Primers ({settings.forward_primer}, {settings.reverse_primer}) were cut off, reads without them dropped. "
        if settings.forward_primer
        else "Reads were taken as free of primers. "
    )
    region = " trained on the reference between the primers, if it has them," if settings.forward_primer else ""
    return [
        f"Reads were processed with tasklane-microbiome {__version__}. {primers}Read pairs were merged where they"
        f" overlap by at least {MIN_OVERLAP} bases with at most {MAX_MISMATCH_SHARE:.0%} mismatches; posterior base"
        " qualities follow Edgar & Flyvbjerg (2015). Merged reads with ambiguous bases, more than"
        f" {settings.max_ee:g} expected errors, or a length outside {settings.min_length}-{settings.max_length} bases"
        " were dropped.",
        f"Reads of all samples were pooled and denoised with UNOISE3 (Edgar 2016; alpha {settings.alpha:g}, minimum"
        f" size {settings.minsize}). ASVs that two others, each at least {PARENT_FOLD:g} times as abundant, explain"
        " completely were removed as chimeras. Filtered reads were counted for the nearest ASV within"
        f" {EDITS_PERCENT} % edits.",
        f"Taxonomy: naive Bayes classifier on 8-letter words (Wang et al. 2007),{region} {BOOTSTRAPS} bootstraps,"
        f" names kept down to the last rank with support of {settings.confidence:g} or more. Bray-Curtis distances were"
        " computed on relative abundances; rarefaction curves are expectations (Hurlbert 1971), not random draws.",
    ]
