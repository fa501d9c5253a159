"""Amazon Cognito identity pools: AWS credentials for users of user pools, and for guests."""
