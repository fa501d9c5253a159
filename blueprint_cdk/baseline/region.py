"""What an account has once in each region: who may reach it from outside, and what is in its images."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_accessanalyzer as analyzer
from aws_cdk import aws_ecr as ecr
from constructs import Construct


class OutsideAccess(Construct):
    """IAM Access Analyzer: what can be reached from outside the account. The kind that costs nothing."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id)
        analyzer.CfnAnalyzer(self, "Analyzer", analyzer_name="switchyard", type="ACCOUNT")


class Images(Construct):
    """The registry: Inspector scans every image, and copies go to the account's `others` regions.

    The type of the scanning configuration enables Inspector for images (its handler's permissions name
    inspector2:Enable). Images that were pushed before are not copied.

    It is made last: to delete it, its handler turns Inspector off, which nobody here may. So it must not be there when
    another resource fails and the stack goes back.
    """

    def __init__(self, scope: Construct, id: str, *, account_id: str, others: Sequence[str]) -> None:
        super().__init__(scope, id)
        every = ecr.CfnRegistryScanningConfiguration.RepositoryFilterProperty(
            filter="*", filter_type="WILDCARD"
        )
        self._scans = ecr.CfnRegistryScanningConfiguration(
            self,
            "Scans",
            scan_type="ENHANCED",
            rules=[
                ecr.CfnRegistryScanningConfiguration.ScanningRuleProperty(
                    scan_frequency="CONTINUOUS_SCAN", repository_filters=[every]
                )
            ],
        )
        if others:
            to = ecr.CfnReplicationConfiguration.ReplicationDestinationProperty
            copies = ecr.CfnReplicationConfiguration(
                self,
                "Copies",
                replication_configuration=ecr.CfnReplicationConfiguration.ReplicationConfigurationProperty(
                    rules=[
                        ecr.CfnReplicationConfiguration.ReplicationRuleProperty(
                            destinations=[to(region=region, registry_id=account_id) for region in others]
                        )
                    ]
                ),
            )
            self._scans.node.add_dependency(copies)

    def come_after(self, others: Sequence[Construct]) -> None:
        """Make the scans when these are there."""
        self._scans.node.add_dependency(*others)
