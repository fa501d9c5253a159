"""The placeholder application: shows that an environment works, until the team deploys its own."""
