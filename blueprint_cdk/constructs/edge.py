"""The way in: certificate, load balancer, web application firewall, DNS record."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_logs as logs
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_wafv2 as wafv2
from constructs import Construct

from blueprint_cdk.constructs.keys import log_group_arn
from blueprint_cdk.constructs.storage import LOAD_BALANCER_PREFIX

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"

MAINTENANCE_OFF = "maintenance.invalid"
"""What the rule of the maintenance page matches while it is off: no request has this name."""
MAINTENANCE_PRIORITY = {True: 1, False: 50_000}
"""By whether the page is on. Off, it leaves the first place to Beanstalk's rule, which has it in environments that were
made before there was a page; 50,000 is the last place that there is."""
MAINTENANCE_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    '<title>Back soon</title><body style="font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;'
    'padding:0 1rem"><h1>Back soon</h1><p>We are at work on this service. Nothing is lost: please try again in a few '
    "minutes.</p></body></html>"
)
"""At most 1,024 characters (Application Load Balancer guide, fixed-response actions)."""

MANAGED_RULES = (
    "AWSManagedRulesAmazonIpReputationList",
    "AWSManagedRulesCommonRuleSet",
    "AWSManagedRulesKnownBadInputsRuleSet",
    "AWSManagedRulesSQLiRuleSet",
)


class LoadBalancer(Construct):
    """A public Application Load Balancer with HTTPS, which answers HTTP with a redirect.

    The listener itself answers 404: the Beanstalk environment adds the rule for its host name, `domain`. Besides
    there is the rule of the maintenance page, last and matching nothing until somebody turns it on (`maintenance`: it
    is on now, and comes first). `record` is the name in the account's zone that stands for the load balancer.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        subnet_ids: list[str],
        security_group_id: str,
        domain: str,
        record: str,
        zone_id: str,
        logs_bucket: str,
        maintenance: bool,
    ) -> None:
        super().__init__(scope, id)
        self._zone_id = zone_id
        self.certificate = acm.CfnCertificate(
            self,
            "Certificate",
            domain_name=domain,
            validation_method="DNS",
            # With the zone's id CloudFormation writes the validation record itself.
            domain_validation_options=[
                acm.CfnCertificate.DomainValidationOptionProperty(domain_name=domain, hosted_zone_id=zone_id)
            ],
        )
        attributes = {
            "access_logs.s3.enabled": "true",
            "access_logs.s3.bucket": logs_bucket,
            "access_logs.s3.prefix": LOAD_BALANCER_PREFIX,
            "routing.http2.enabled": "true",
            "routing.http.drop_invalid_header_fields.enabled": "true",
            "routing.http.desync_mitigation_mode": "defensive",
            # A WebSocket may be silent for five minutes; the placeholder's proxy is set to the same.
            "idle_timeout.timeout_seconds": "300",
        }
        self.balancer = elbv2.CfnLoadBalancer(
            self,
            "Balancer",
            name=name,
            type="application",
            scheme="internet-facing",
            ip_address_type="ipv4",
            subnets=subnet_ids,
            security_groups=[security_group_id],
            load_balancer_attributes=[
                elbv2.CfnLoadBalancer.LoadBalancerAttributeProperty(key=key, value=value)
                for key, value in attributes.items()
            ],
        )
        self.https = elbv2.CfnListener(
            self,
            "Https",
            load_balancer_arn=self.balancer.ref,
            port=443,
            protocol="HTTPS",
            ssl_policy=TLS_POLICY,
            certificates=[elbv2.CfnListener.CertificateProperty(certificate_arn=self.certificate.ref)],
            default_actions=[
                elbv2.CfnListener.ActionProperty(
                    type="fixed-response",
                    fixed_response_config=elbv2.CfnListener.FixedResponseConfigProperty(
                        status_code="404",
                        content_type="text/plain",
                        message_body="Nothing is served under this name.",
                    ),
                )
            ],
        )
        self.maintenance = elbv2.CfnListenerRule(
            self,
            "Maintenance",
            listener_arn=self.https.ref,
            priority=MAINTENANCE_PRIORITY[maintenance],
            # Turned on by its place and by what it matches: the environment's name, or one that RFC 2606 keeps from
            # ever being.
            conditions=[
                elbv2.CfnListenerRule.RuleConditionProperty(
                    field="host-header",
                    host_header_config=elbv2.CfnListenerRule.HostHeaderConfigProperty(
                        values=[domain if maintenance else MAINTENANCE_OFF]
                    ),
                )
            ],
            actions=[
                elbv2.CfnListenerRule.ActionProperty(
                    type="fixed-response",
                    fixed_response_config=elbv2.CfnListenerRule.FixedResponseConfigProperty(
                        status_code="503", content_type="text/html", message_body=MAINTENANCE_PAGE
                    ),
                )
            ],
        )
        self.http = elbv2.CfnListener(
            self,
            "Http",
            load_balancer_arn=self.balancer.ref,
            port=80,
            protocol="HTTP",
            default_actions=[
                elbv2.CfnListener.ActionProperty(
                    type="redirect",
                    redirect_config=elbv2.CfnListener.RedirectConfigProperty(
                        protocol="HTTPS", port="443", status_code="HTTP_301"
                    ),
                )
            ],
        )
        self.record = self.named("Record", record)

    def named(self, id: str, name: str) -> route53.CfnRecordSet:
        """A name in the account's zone that stands for the load balancer."""
        return route53.CfnRecordSet(
            self,
            id,
            hosted_zone_id=self._zone_id,
            name=f"{name}.",
            type="A",
            alias_target=route53.CfnRecordSet.AliasTargetProperty(
                dns_name=self.balancer.attr_dns_name,
                hosted_zone_id=self.balancer.attr_canonical_hosted_zone_id,
                evaluate_target_health=True,
            ),
        )

    def led_by(self, name: str, condition: cdk.CfnCondition) -> None:
        """Where `condition` holds, the record stands for another name of the zone, which decides where to go.

        In place: a record with a routing policy and one without cannot have the same name, and one that is taken
        away before the other is made would leave the address unknown, also to resolvers that remember that.
        """
        directly = {
            "DNSName": self.balancer.attr_dns_name,
            "HostedZoneId": self.balancer.attr_canonical_hosted_zone_id,
            "EvaluateTargetHealth": True,
        }
        # The only record of its name: there is nothing else to answer, whatever its target's health.
        decides = {"DNSName": name, "HostedZoneId": self._zone_id, "EvaluateTargetHealth": False}
        self.record.add_property_override(
            "AliasTarget", cdk.Fn.condition_if(condition.logical_id, decides, directly)
        )


class WebFirewall(Construct):
    """A regional web ACL of AWS's managed rules and a rate limit, in front of the load balancer, with its log.

    `other_arns` are what else of the environment faces the internet (user pool, API), by a name for the association.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        log_group_name: str,
        logs_key_arn: str,
        log_retention_days: int,
        rate_limit: int,
        load_balancer_arn: str,
        other_arns: Mapping[str, str],
    ) -> None:
        super().__init__(scope, id)
        acl = wafv2.CfnWebACL(
            self,
            "Acl",
            name=name,
            scope="REGIONAL",
            default_action=wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_visibility(name),
            rules=[
                *(_managed(rule, priority) for priority, rule in enumerate(MANAGED_RULES)),
                wafv2.CfnWebACL.RuleProperty(
                    name="RateLimit",
                    priority=len(MANAGED_RULES),
                    action=wafv2.CfnWebACL.RuleActionProperty(block={}),
                    statement=wafv2.CfnWebACL.StatementProperty(
                        rate_based_statement=wafv2.CfnWebACL.RateBasedStatementProperty(
                            limit=rate_limit, aggregate_key_type="IP", evaluation_window_sec=300
                        )
                    ),
                    visibility_config=_visibility("RateLimit"),
                ),
            ],
        )
        wafv2.CfnWebACLAssociation(
            self, "Association", resource_arn=load_balancer_arn, web_acl_arn=acl.attr_arn
        )
        for unit, arn in other_arns.items():
            wafv2.CfnWebACLAssociation(self, unit, resource_arn=arn, web_acl_arn=acl.attr_arn)
        # WAF writes only to groups whose name begins with aws-waf-logs-, and wants the ARN without ":*".
        group = logs.CfnLogGroup(
            self,
            "Log",
            log_group_name=log_group_name,
            kms_key_id=logs_key_arn,
            retention_in_days=log_retention_days,
        )
        group.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
        logging = wafv2.CfnLoggingConfiguration(
            self,
            "Logging",
            resource_arn=acl.attr_arn,
            log_destination_configs=[log_group_arn(self, log_group_name)],
            redacted_fields=[
                wafv2.CfnLoggingConfiguration.FieldToMatchProperty(single_header={"Name": header})
                for header in ("authorization", "cookie")
            ],
        )
        logging.add_resource_dependency(group)


def _visibility(metric: str) -> wafv2.CfnWebACL.VisibilityConfigProperty:
    return wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, sampled_requests_enabled=True, metric_name=metric
    )


def _managed(name: str, priority: int) -> wafv2.CfnWebACL.RuleProperty:
    return wafv2.CfnWebACL.RuleProperty(
        name=name,
        priority=priority,
        override_action=wafv2.CfnWebACL.OverrideActionProperty(none={}),
        statement=wafv2.CfnWebACL.StatementProperty(
            managed_rule_group_statement=wafv2.CfnWebACL.ManagedRuleGroupStatementProperty(
                vendor_name="AWS",
                name=name,
                # Its limit of 8 KB a body would refuse every upload: counted, not blocked.
                rule_action_overrides=[
                    wafv2.CfnWebACL.RuleActionOverrideProperty(
                        name="SizeRestrictions_BODY",
                        action_to_use=wafv2.CfnWebACL.RuleActionProperty(count={}),
                    )
                ]
                if name == "AWSManagedRulesCommonRuleSet"
                else None,
            )
        ),
        visibility_config=_visibility(name),
    )
