"""SQL over the Parquet files of a source, with DuckDB."""
