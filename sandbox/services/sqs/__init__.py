"""SQS: queues (queues.py) and messages (messages.py)."""
