"""Readers that come with demand and go with it."""

from __future__ import annotations

from aws_cdk import aws_applicationautoscaling as scaling
from constructs import Construct

from blueprint_cdk.constructs.database import Cluster
from blueprint_cdk.sizes import Size

NAMESPACE, DIMENSION = "rds", "rds:cluster:ReadReplicaCount"
TARGET_CPU_PERCENT = 60


class ReaderScaling(Construct):
    """Aurora Auto Scaling: between `size.db_readers` and `size.db_max_readers` readers, so that they are as busy as the
    target says. It adds instances that no template holds, named application-autoscaling-*, and takes away only those.

    For a primary cluster with readers of its own: Aurora allows it on no secondary of a global database.
    """

    def __init__(self, scope: Construct, id: str, *, cluster: Cluster, size: Size) -> None:
        super().__init__(scope, id)
        target = scaling.CfnScalableTarget(
            self,
            "Target",
            service_namespace=NAMESPACE,
            scalable_dimension=DIMENSION,
            resource_id=f"cluster:{cluster.identifier}",
            min_capacity=size.db_readers,
            max_capacity=size.db_max_readers,
        )
        # The readers of the template are the least that there is: without them it would add its own at once.
        for instance in cluster.instances:
            target.add_resource_dependency(instance)
        scaling.CfnScalingPolicy(
            self,
            "Policy",
            policy_name=f"{cluster.identifier}-readers",
            policy_type="TargetTrackingScaling",
            scaling_target_id=target.ref,
            target_tracking_scaling_policy_configuration=scaling.CfnScalingPolicy.TargetTrackingScalingPolicyConfigurationProperty(
                target_value=TARGET_CPU_PERCENT,
                predefined_metric_specification=scaling.CfnScalingPolicy.PredefinedMetricSpecificationProperty(
                    predefined_metric_type="RDSReaderAverageCPUUtilization"
                ),
                # A reader takes minutes to come; one that has just come is not sent away again.
                scale_out_cooldown=300,
                scale_in_cooldown=900,
            ),
        )
