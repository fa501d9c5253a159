"""IAM: roles, users, groups (entities.py, users.py), policies (policies.py), instance profiles, simulation."""
