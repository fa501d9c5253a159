"""Secrets Manager: secrets with versions and replicas, their policies, rotation and attachments."""
