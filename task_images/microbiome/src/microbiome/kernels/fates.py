"""What can become of a read or pair. Every read has exactly one fate, so the counts of a sample add up."""

KEPT, NO_PRIMER, NOT_MERGED, AMBIGUOUS, TOO_SHORT, TOO_LONG, LOW_QUALITY, NAMES_DIFFER = range(8)
FATES = ("kept", "no_primer", "not_merged", "ambiguous", "too_short", "too_long", "low_quality")
