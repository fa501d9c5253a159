"""ECR: repositories and what is in them (manifests; layers are not kept), replication, scans, lifecycle."""
