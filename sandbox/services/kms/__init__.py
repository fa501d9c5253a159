"""Key Management Service: keys, replicas of multi-Region keys, aliases, and a real (AES-GCM) encryption with them.

For other services: `keys.find` (any way of naming a key), `keys.usable` (refuses as KMS does).
"""
