"""Where CloudFormation may do what the baseline needs: what an account has once in a region, or once at all.

The trail, the locked buckets and the groups are not among it: they are the guard's (guard.py).
"""

from __future__ import annotations

from blueprint_cdk.access.scopes import Scope
from blueprint_cdk.access.statements import arn

ACCOUNT = (
    Scope("Analyzer", "access-analyzer", "*", arn("access-analyzer", "analyzer/switchyard*")),
    Scope("AnalyzersList", "access-analyzer", "ListAnalyzers"),
    Scope("Registry", "ecr", "DescribeRegistry *RegistryScanningConfiguration PutReplicationConfiguration"),
    Scope("ImageScans", "inspector2", "Enable ListAccountPermissions"),
    Scope("CostMonitor", "ce", "*AnomalyMonitor *AnomalyMonitors ListTagsForResource TagResource"),
)
