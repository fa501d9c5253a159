"""CloudFormation's API: stacks (stacks.py), reading (reading.py), change sets (change_sets….py), drift (drift.py)."""
