"""Amazon Cognito user pools: pools, clients, users, sign-in, replicas in another region."""
