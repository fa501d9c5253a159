"""DynamoDB: tables (tables.py, table_operations.py), items (content.py, items.py, queries.py, batches.py), expressions
(expressions.py, by moto's parsers), and global tables over regions (replicas.py)."""
