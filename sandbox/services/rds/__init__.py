"""Relational Database Service: Aurora clusters and instances, snapshots and restores, groups, proxies."""
