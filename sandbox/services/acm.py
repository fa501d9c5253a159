"""Certificate Manager: certificates that DNS validates, as the hosted zones of the account say."""

from __future__ import annotations

import uuid
from typing import Any

from sandbox import quotas
from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, tag_list, tags_from
from sandbox.services._listing import page
from sandbox.services.ec2.base import stable_hex
from sandbox.services.route53 import names
from sandbox.services.route53.records import ON_CHANGE
from sandbox.store import GLOBAL, Record

TYPE = "AWS::CertificateManager::Certificate"
LISTENERS = ("AWS::ElasticLoadBalancingV2::Listener", "AWS::ElasticLoadBalancingV2::ListenerCertificate")
VALID_S = 395 * 86400
"""13 months (ACM user guide, "Characteristics")."""
WAITING = "PENDING_VALIDATION"
REQUESTED = "Sandbox::ACM::Requested"
"""When certificates were requested in the last year, deleted ones too: {"times"} in epoch seconds."""
YEAR_S = 365 * 86400


def _lately(ctx: Context) -> list[float]:
    record = ctx.store.get(ctx.account, ctx.region, REQUESTED, "certificates")
    return [t for t in record.data["times"] if t > ctx.now - YEAR_S] if record is not None else []


@resource_type(TYPE)
class Certificate(ResourceType):
    """A public certificate. It is issued when each validation CNAME is in a zone of the account, else it waits."""

    state_creating = WAITING
    state_updating = "ISSUED"
    state_deleting = "ISSUED"
    state_ready = "ISSUED"

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return ctx.arn("acm", f"certificate/{uuid.uuid4()}")

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return id

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        for domain in domains(properties):
            plain = domain.removeprefix("*.")
            if "." not in plain or not names.is_domain(plain):
                raise AwsError(
                    "ValidationException",
                    f"1 validation error detected: Value '{domain}' at 'domainName' failed to satisfy constraint: "
                    "Member must satisfy regular expression pattern: "
                    r"(\*\.)?(((?!-)[A-Za-z0-9-]{0,62}[A-Za-z0-9])\.)+((?!-)[A-Za-z0-9-]{1,62}[A-Za-z0-9])",
                    400,
                )
        for option in properties.get("DomainValidationOptions") or ():
            zone = option.get("HostedZoneId")
            if zone and ctx.store.get(ctx.account, GLOBAL, names.ZONE, names.plain_id(zone)) is None:
                raise AwsError(
                    "NoSuchHostedZone", f"No hosted zone found with ID: {names.plain_id(zone)}", 404
                )

        most = quotas.value(ctx.world, ctx.account, ctx.region, quotas.YEARLY)
        if len(_lately(ctx)) >= most:
            # The sentence as people met it (those that were deleted count too).
            text = f"Error: you have reached your limit of {most:.0f} certificates in the last year."
            raise AwsError("LimitExceededException", text, 400)

    def created(self, ctx: Context, record: Record) -> None:
        times = {"times": [*_lately(ctx), ctx.now]}
        ctx.store.put(Record(ctx.account, ctx.region, REQUESTED, "certificates", data=times))
        record.attributes = {"CertificateArn": record.id}
        record.data["serial"] = ":".join(stable_hex(record.id, 32)[i : i + 2] for i in range(0, 32, 2))
        for option in record.properties.get("DomainValidationOptions") or ():
            if option.get("HostedZoneId"):
                _write_record(
                    ctx, record.account, option["DomainName"], names.plain_id(option["HostedZoneId"])
                )

    def ready(self, ctx: Context, record: Record, action: str) -> None:
        if record.data.get("issued_at"):
            return
        if all(validated(ctx, record.account, domain) for domain in domains(record.properties)):
            record.data["issued_at"] = ctx.now
            return
        # It stays under way: whoever waits for it (CloudFormation) goes on waiting until `look_again`.
        record.state = WAITING
        record.pending = "create"
        ctx.store.put(record)

    def check_delete(self, ctx: Context, record: Record) -> None:
        if in_use_by(ctx, record):
            raise AwsError(
                "ResourceInUseException",
                f"Certificate {record.id} in account {record.account} is in use.",
                400,
            )


def domains(properties: dict[str, Any]) -> list[str]:
    """The domain and the alternative names, each once."""
    return list(dict.fromkeys([properties["DomainName"], *(properties.get("SubjectAlternativeNames") or ())]))


def validation_record(account: str, domain: str) -> tuple[str, str]:
    """Name and value of the CNAME that proves a domain. The same for an account and domain at all times, and
    for a wildcard the same as for its parent (ACM user guide, "DNS validation")."""
    plain = domain.removeprefix("*.").rstrip(".").lower()
    proof = stable_hex(f"{account}/{plain}/value", 32)
    end = stable_hex(f"{plain}/end", 10)
    return (
        f"_{stable_hex(f'{account}/{plain}/name', 32)}.{plain}.",
        f"_{proof}.{end}.acm-validations.aws.",
    )


def validated(ctx: Context, account: str, domain: str) -> bool:
    """Whether the CNAME is in a public hosted zone of the account."""
    name, value = validation_record(account, domain)
    for record in ctx.store.list(account, GLOBAL, names.RECORD):
        if names.normal(record.properties["Name"]) == name and record.properties["Type"] == "CNAME":
            values = record.properties.get("ResourceRecords") or ()
            if any(names.normal(v) == value for v in values):
                return True
    return False


def _write_record(ctx: Context, account: str, domain: str, zone: str) -> None:
    """What CloudFormation does when it is given the zone's id. The record is nobody's resource and stays when the
    stack goes; another certificate of the same domain finds it there."""
    if validated(ctx, account, domain):
        return
    name, value = validation_record(account, domain)
    properties = {
        "HostedZoneId": zone,
        "Name": name,
        "Type": "CNAME",
        "TTL": "300",
        "ResourceRecords": [value],
    }
    ctx.world.create(ctx, names.RECORD, properties, at_once=True)


def look_again(ctx: Context) -> None:
    """A DNS record has changed: issue the account's waiting certificates that it proves."""
    for record in ctx.store.list(ctx.account, None, TYPE):
        waiting = record.state == WAITING and record.ready_at is not None and record.ready_at <= ctx.now
        stuck = record.state == WAITING and record.ready_at is None
        if (waiting or stuck) and all(validated(ctx, record.account, d) for d in domains(record.properties)):
            place = ctx.world.context(record.account, record.region, stack=record.stack)
            ctx.world.update(place, record, record.properties)


ON_CHANGE.append(look_again)


def in_use_by(ctx: Context, record: Record) -> list[str]:
    """ARNs of the load balancers whose listeners carry the certificate."""
    found = []
    for listener in ctx.store.list(record.account, record.region, LISTENERS[0]):
        entries = listener.properties.get("Certificates") or ()
        if any(c.get("CertificateArn") == record.id for c in entries):
            found.append(str(listener.properties["LoadBalancerArn"]))
    for more in ctx.store.list(record.account, record.region, LISTENERS[1]):
        if any(c.get("CertificateArn") == record.id for c in more.properties.get("Certificates") or ()):
            found.append(str(more.properties["ListenerArn"]))
    return list(dict.fromkeys(found))


def _find(ctx: Context, arn: str) -> Record:
    record = ctx.store.get(ctx.account, ctx.region, TYPE, arn)
    if record is None:
        raise AwsError(
            "ResourceNotFoundException", f"Could not find certificate {arn} in account {ctx.account}.", 400
        )
    return record


def _detail(ctx: Context, record: Record) -> dict[str, Any]:
    all_names = domains(record.properties)
    issued = record.data.get("issued_at")
    validation = []
    for domain in all_names:
        name, value = validation_record(record.account, domain)
        validation.append(
            {
                "DomainName": domain,
                "ValidationDomain": domain,
                "ValidationStatus": "SUCCESS" if issued else WAITING,
                "ResourceRecord": {"Name": name, "Type": "CNAME", "Value": value},
                "ValidationMethod": "DNS",
            }
        )
    detail = {
        "CertificateArn": record.id,
        "DomainName": all_names[0],
        "SubjectAlternativeNames": all_names,
        "DomainValidationOptions": validation,
        "Subject": f"CN={all_names[0]}",
        "CreatedAt": record.created_at,
        "Status": "ISSUED" if issued else WAITING,
        "KeyAlgorithm": record.properties.get("KeyAlgorithm", "RSA_2048").replace("RSA_", "RSA-"),
        "SignatureAlgorithm": "SHA256WITHRSA",
        "InUseBy": in_use_by(ctx, record),
        "Type": "AMAZON_ISSUED",
        "RenewalEligibility": "ELIGIBLE" if issued and in_use_by(ctx, record) else "INELIGIBLE",
        "Options": {"CertificateTransparencyLoggingPreference": "ENABLED"},
    }
    if issued:
        detail |= {
            "IssuedAt": issued,
            "NotBefore": issued,
            "NotAfter": issued + VALID_S,
            "Serial": record.data["serial"],
            "Issuer": "Amazon",
        }
    return detail


@operation("acm", "RequestCertificate")
def request_certificate(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    token = params.get("IdempotencyToken")
    for record in ctx.store.list(ctx.account, ctx.region, TYPE):
        if token and record.data.get("token") == token and domains(record.properties) == domains(params):
            return {"CertificateArn": record.id}
    members = ("DomainName", "ValidationMethod", "SubjectAlternativeNames", "KeyAlgorithm")
    record = ctx.world.create(
        ctx,
        TYPE,
        {n: params[n] for n in members if n in params},
        tags=tags_from(params.get("Tags")),
        data={"token": token} if token else {},
    )
    return {"CertificateArn": record.id}


@operation("acm", "DescribeCertificate")
def describe_certificate(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"Certificate": _detail(ctx, _find(ctx, params["CertificateArn"]))}


@operation("acm", "ListCertificates")
def list_certificates(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    rows = []
    # Without a filter only RSA certificates of 1024 and 2048 bits are listed (ACM API reference, Filters).
    key_types = (params.get("Includes") or {}).get("keyTypes") or ("RSA_1024", "RSA_2048")
    for record in ctx.store.list(ctx.account, ctx.region, TYPE):
        if record.properties.get("KeyAlgorithm", "RSA_2048") not in key_types:
            continue
        detail = _detail(ctx, record)
        if params.get("CertificateStatuses") and detail["Status"] not in params["CertificateStatuses"]:
            continue
        members = ("CertificateArn", "DomainName", "Status", "Type", "KeyAlgorithm", "CreatedAt", "IssuedAt",
                   "NotBefore", "NotAfter", "RenewalEligibility")  # fmt: skip
        row = {n: detail[n] for n in members if n in detail}
        row["SubjectAlternativeNameSummaries"] = detail["SubjectAlternativeNames"]
        row["InUse"] = bool(detail["InUseBy"])
        rows.append(row)
    some, token = page(
        rows, params.get("MaxItems"), params.get("NextToken"), most=1000, code="ValidationException"
    )
    return {"CertificateSummaryList": some, **({"NextToken": token} if token else {})}


@operation("acm", "DeleteCertificate")
def delete_certificate(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, _find(ctx, params["CertificateArn"]), at_once=True)


@operation("acm", "ListTagsForCertificate")
def list_tags(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"Tags": tag_list(_find(ctx, params["CertificateArn"]).tags)}


@operation("acm", "AddTagsToCertificate")
def add_tags(ctx: Context, params: dict[str, Any]) -> None:
    record = _find(ctx, params["CertificateArn"])
    record.tags.update(tags_from(params["Tags"]))
    ctx.store.put(record)


@operation("acm", "RemoveTagsFromCertificate")
def remove_tags(ctx: Context, params: dict[str, Any]) -> None:
    record = _find(ctx, params["CertificateArn"])
    for tag in params["Tags"]:
        if "Value" not in tag or record.tags.get(tag["Key"]) == tag["Value"]:
            record.tags.pop(tag["Key"], None)
    ctx.store.put(record)
