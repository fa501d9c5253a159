"""Amazon Data Firehose: streams that take records (DirectPut) and write them to a bucket."""
