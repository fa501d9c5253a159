"""`make bench`: measurements of the whole product, written to docs/benchmarks.md. A report, not a test."""
