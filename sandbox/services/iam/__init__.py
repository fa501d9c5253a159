"""IAM: roles, users, groups (entities.py, users.py), policies (policies.py), instance profiles (roles.py), MFA devices
(mfa.py), limits (limits.py), the simulator (simulation.py)."""
