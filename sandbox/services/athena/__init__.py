"""Amazon Athena: workgroups, named queries, and SELECT over the Parquet files of Glue's tables."""
