"""Every table of the result, in the forms that users of QIIME 2 and nf-core/ampliseq know."""
