"""Types of which the sandbox knows what the registry's schema says, and nothing else: no service stands behind them.

CloudFormation makes, updates, replaces and deletes them; the tagging API and /_sandbox/resources list them. A class of
a service (sandbox/services) takes a type's place as soon as there is one.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.resource_types import ResourceType, random_hex

if TYPE_CHECKING:
    from sandbox.context import Context
    from sandbox.store import Record

_BY_SERVICE = {
    "ARCRegionSwitch": "Plan",
    "ARCZonalShift": "ZonalAutoshiftConfiguration",
    "AccessAnalyzer": "ArchiveRule",
    "AppSync": "Api ApiCache ApiKey ChannelNamespace DomainName DomainNameApiAssociation FunctionConfiguration "
    "GraphQLSchema SourceApiAssociation",
    "ApplicationAutoScaling": "ScalableTarget ScalingPolicy",
    "ApplicationSignals": "ServiceLevelObjective",
    "AutoScaling": "LaunchConfiguration LifecycleHook ScalingPolicy ScheduledAction WarmPool",
    "BCMDataExports": "Export",
    "Backup": "RestoreTestingPlan RestoreTestingSelection",
    "Budgets": "BudgetsAction",
    "CE": "AnomalySubscription CostCategory",
    "CloudWatch": "AlarmMuteRule AnomalyDetector LogAlarm",
    "CodeArtifact": "Domain PackageGroup Repository",
    "CodeBuild": "Fleet ReportGroup SourceCredential",
    "CodeConnections": "Connection Host",
    "CodeDeploy": "Application DeploymentConfig DeploymentGroup",
    "CodePipeline": "CustomActionType Pipeline Webhook",
    "Config": "AggregationAuthorization ConfigRule ConfigurationAggregator ConfigurationRecorder ConformancePack "
    "Connector DeliveryChannel OrganizationConfigRule OrganizationConformancePack RemediationConfiguration StoredQuery",
    "EC2": "CustomerGateway DHCPOptions EIPAssociation EgressOnlyInternetGateway KeyPair NetworkAclEntry "
    "PlacementGroup PrefixList SubnetCidrBlock SubnetNetworkAclAssociation VPCCidrBlock VPCDHCPOptionsAssociation "
    "VPCPeeringConnection VolumeAttachment",
    "ECR": "PullThroughCacheRule RepositoryCreationTemplate SigningConfiguration",
    "Events": "Endpoint EventBus",
    "FIS": "ExperimentTemplate",
    "Glue": "Crawler",
    "GuardDuty": "Detector",
    "IAM": "AccessKey OIDCProvider ServiceLinkedRole UserToGroupAddition VirtualMFADevice",
    "InspectorV2": "CisScanConfiguration CodeSecurityIntegration CodeSecurityScanConfiguration Filter",
    "Lambda": "Alias EventInvokeConfig EventSourceMapping Function LayerVersion LayerVersionPermission "
    "Permission Url Version",
    "Logs": "AccountPolicy Delivery DeliveryDestination DeliverySource Destination Integration LogAnomalyDetector "
    "QueryDefinition ResourcePolicy ScheduledQuery StorageTierPolicy SubscriptionFilter "
    "Transformer",
    "Notifications": "ChannelAssociation EventRule ManagedNotificationAccountContactAssociation "
    "ManagedNotificationAdditionalChannelAssociation NotificationConfiguration NotificationHub "
    "OrganizationalUnitAssociation",
    "Pinpoint": "ADMChannel BaiduChannel SMSChannel VoiceChannel",
    "QuickSight": "Analysis Dashboard DataSet DataSource Folder Group RefreshSchedule Template Theme VPCConnection",
    "Route53": "DNSSEC KeySigningKey QueryLoggingConfig TrafficPolicy",
    "Route53RecoveryControl": "Cluster ControlPanel RoutingControl SafetyRule",
    "S3": "AccessPoint MultiRegionAccessPoint StorageLens",
    "SES": "ConfigurationSet ConfigurationSetEventDestination ContactList ReceiptFilter ReceiptRule "
    "ReceiptRuleSet Template",
    "SMSVOICE": "ConfigurationSet NotifyConfiguration OptOutList PhoneNumber Pool ProtectConfiguration RcsAgent "
    "Registration RegistrationAttachment ResourcePolicy SenderId VerifiedDestinationNumber",
    "SQS": "QueueInlinePolicy",
    "SSM": "Document",
    "Scheduler": "Schedule",
    "SecurityHub": "Hub HubV2",
    "StepFunctions": "StateMachine",
    "WAFv2": "RegexPatternSet RuleGroup",
    "XRay": "Group SamplingRule TransactionSearchConfig",
}
SCHEMA_TYPES = tuple(
    f"AWS::{service}::{name}" for service, names in _BY_SERVICE.items() for name in names.split()
)

_ARN_SERVICE = {  # names of services in ARNs, where CloudFormation has others (service authorization reference)
    "ARCRegionSwitch": "arc-region-switch",
    "ARCZonalShift": "arc-zonal-shift",
    "AccessAnalyzer": "access-analyzer",
    "ApplicationAutoScaling": "application-autoscaling",
    "ApplicationSignals": "application-signals",
    "BCMDataExports": "bcm-data-exports",
    "InspectorV2": "inspector2",
    "KinesisFirehose": "firehose",
    "Pinpoint": "mobiletargeting",
    "Route53RecoveryControl": "route53-recovery-control",
    "SMSVOICE": "sms-voice",
    "StepFunctions": "states",
}
_ARN_REST = {  # what follows the account, where it is not <kind>/<id> (service authorization reference)
    "AWS::ApplicationAutoScaling::ScalableTarget": "scalable-target/{id}",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "scalable-target/{id}",
    "AWS::CodeDeploy::Application": "application:{id}",
    "AWS::CodePipeline::Pipeline": "{id}",
    "AWS::KinesisFirehose::DeliveryStream": "deliverystream/{id}",
    "AWS::Lambda::Function": "function:{id}",
    "AWS::SES::ConfigurationSet": "configuration-set/{id}",
    "AWS::SES::EmailIdentity": "identity/{id}",
    "AWS::StepFunctions::StateMachine": "stateMachine:{id}",
}


class SchemaType(ResourceType):
    """A type by its schema: identifiers, ARNs, times and other read-only texts are made up in its shape."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        nested = [n for n in self.schema.primary_identifier if "/" in n]
        if not nested:
            return super().identify(ctx, properties, hint)
        found = []
        for path in self.schema.primary_identifier:
            value: Any = properties
            for part in path.split("/"):
                value = value.get(part) if isinstance(value, dict) else None
            found.append(str(value or self.new_name(hint, path.rpartition("/")[2])))
        return "|".join(found)

    def new_id(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        if self.schema.primary_identifier[-1].lower().endswith("arn"):
            return self.arn_for(ctx, self._own_name(properties, hint), properties)
        return super().new_id(ctx, properties, hint)

    def _own_name(self, properties: dict[str, Any], hint: str) -> str:
        kind = self.name.split("::")[2]
        given = properties.get("Name") or properties.get(f"{kind}Name")
        return str(given or self.new_name(hint, f"{kind}Name"))

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        if id.startswith("arn:"):
            return id
        service, kind = self.name.split("::")[1:]
        rest = _ARN_REST.get(self.name, f"{kind.lower()}/{{id}}").format(id=id.replace("|", "/"))
        return ctx.arn(_ARN_SERVICE.get(service, service.lower()), rest)

    def created(self, ctx: Context, record: Record) -> None:
        schema = self.schema
        for path in sorted(schema.read_only):
            name = path.split("/")[0]
            if "/" in path or name in record.properties:
                continue
            value = self._made_up(ctx, record, name)
            if value is not None:
                record.attributes[name] = value
        if len(schema.primary_identifier) == 1 and schema.primary_identifier[0] in schema.read_only:
            record.attributes[schema.primary_identifier[0]] = record.id

    def _made_up(self, ctx: Context, record: Record, name: str) -> str | None:
        part = self.schema.resolve(self.schema.properties.get(name, {}))
        if part.get("type") != "string":
            return None
        if part.get("enum"):
            return str(part["enum"][0])
        if name.lower().endswith("arn"):
            return record.arn
        if name.endswith(("At", "Time", "Date", "Timestamp")):
            return datetime.fromtimestamp(ctx.now, UTC).isoformat(timespec="seconds")
        if name == "AccountId" or name == "AwsAccountId":
            return ctx.account
        return random_hex(17) if name.endswith("Id") else record.id
