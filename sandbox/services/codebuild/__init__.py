"""CodeBuild: projects, and builds that are processes of this machine (the in-VPC runner is one)."""
