"""SES: domains as identities (verified by their DKIM records), configuration sets, SendEmail.

Every account is out of SES's own sandbox here. Source: SES developer guide, "Easy DKIM", "Using a custom MAIL FROM
domain"; SES API v2 reference, SendEmail.
"""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from sandbox.application import dns
from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.schema_types import SchemaType
from sandbox.services import sent
from sandbox.store import Record

IDENTITY, CONFIGURATION = "AWS::SES::EmailIdentity", "AWS::SES::ConfigurationSet"


@resource_type(IDENTITY)
class EmailIdentity(SchemaType):
    """A domain or an address; a domain has three DKIM tokens, and is verified while their records are seen."""

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        name = properties["EmailIdentity"]
        if ctx.store.get(ctx.account, ctx.region, IDENTITY, name):
            raise AwsError("AlreadyExistsException", f"Email identity {name} already exist.", 400)

    def created(self, ctx: Context, record: Record) -> None:
        domain = record.id
        for number in (1, 2, 3):
            seed = f"{record.arn}{number}{record.created_at}".encode()
            token = hashlib.sha256(seed).hexdigest()[:32]
            record.attributes[f"DkimDNSTokenName{number}"] = f"{token}._domainkey.{domain}"
            record.attributes[f"DkimDNSTokenValue{number}"] = f"{token}.dkim.amazonses.com"


def verified(ctx: Context, record: Record) -> bool:
    """Whether the domain's three DKIM records are there."""
    return all(
        _points(ctx, record.attributes[f"DkimDNSTokenName{n}"], record.attributes[f"DkimDNSTokenValue{n}"])
        for n in (1, 2, 3)
    )


def _points(ctx: Context, name: str, value: str) -> bool:
    found = dns.resolve(ctx.world, name, "CNAME").records
    return any(row["type"] == "CNAME" and str(row["value"]).rstrip(".") == value for row in found)


def _mail_from(ctx: Context, record: Record) -> str:
    """SUCCESS while the MX record of the MAIL FROM domain is there, PENDING while not, "" without such a domain."""
    domain = (record.properties.get("MailFromAttributes") or {}).get("MailFromDomain")
    if not domain:
        return ""
    found = dns.resolve(ctx.world, domain, "MX").records
    wanted = f"feedback-smtp.{ctx.region}.amazonses.com"
    return "SUCCESS" if any(str(r["value"]).rstrip(".").endswith(wanted) for r in found) else "PENDING"


@operation("sesv2", "GetEmailIdentity")
def get_email_identity(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = ctx.store.get(ctx.account, ctx.region, IDENTITY, params["EmailIdentity"])
    if record is None:
        raise AwsError("NotFoundException", f"Email identity {params['EmailIdentity']} does not exist.", 404)
    good = verified(ctx, record)
    from_ = record.properties.get("MailFromAttributes") or {}
    return {
        "IdentityType": "EMAIL_ADDRESS" if "@" in record.id else "DOMAIN",
        "VerifiedForSendingStatus": good,
        "VerificationStatus": "SUCCESS" if good else "PENDING",
        "FeedbackForwardingStatus": True,
        "DkimAttributes": {
            "SigningEnabled": True,
            "Status": "SUCCESS" if good else "PENDING",
            "Tokens": [record.attributes[f"DkimDNSTokenName{n}"].partition(".")[0] for n in (1, 2, 3)],
            "SigningAttributesOrigin": "AWS_SES",
        },
        "MailFromAttributes": {
            "MailFromDomain": from_.get("MailFromDomain", ""),
            "MailFromDomainStatus": _mail_from(ctx, record) or "PENDING",
            "BehaviorOnMxFailure": from_.get("BehaviorOnMxFailure", "USE_DEFAULT_VALUE"),
        },
        "ConfigurationSetName": (record.properties.get("ConfigurationSetAttributes") or {}).get(
            "ConfigurationSetName"
        ),
    }


@operation("sesv2", "SendEmail")
def send_email(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    sender = str(params.get("FromEmailAddress") or "")
    address = sender.rpartition("<")[2].rstrip(">")
    record = _identity_of(ctx, address)
    if record is None or not verified(ctx, record):
        said = (
            "Email address is not verified. The following identities failed the check in region "
            f"{ctx.region.upper()}: {address}"
        )
        raise AwsError("MessageRejected", said, 400)
    from_ = record.properties.get("MailFromAttributes") or {}
    if from_.get("BehaviorOnMxFailure") == "REJECT_MESSAGE" and _mail_from(ctx, record) != "SUCCESS":
        raise AwsError("MailFromDomainNotVerifiedException", "The MAIL FROM domain is not verified.", 400)
    own = (record.properties.get("ConfigurationSetAttributes") or {}).get("ConfigurationSetName")
    name = params.get("ConfigurationSetName") or own
    if name and ctx.store.get(ctx.account, ctx.region, CONFIGURATION, name) is None:
        raise AwsError("NotFoundException", f"Configuration set <{name}> does not exist.", 404)
    content = params["Content"]
    simple = content.get("Simple")
    if not simple:
        raise AwsError("NotImplemented", "Raw and template messages are not supported by the sandbox", 501)
    to = [
        one
        for part in ("ToAddresses", "CcAddresses", "BccAddresses")
        for one in (params.get("Destination") or {}).get(part) or ()
    ]
    if not to or len(to) > 50:
        raise AwsError("BadRequestException", "A message has 1 to 50 recipients.", 400)
    id = uuid.uuid4().hex
    body = simple["Body"].get("Text") or simple["Body"].get("Html") or {}
    sent.note(
        ctx,
        "email",
        id=id,
        sender=sender,
        to=to,
        subject=simple["Subject"]["Data"],
        body=body.get("Data", ""),
        configuration_set=name,
    )
    return {"MessageId": id}


def _identity_of(ctx: Context, address: str) -> Record | None:
    """The identity of an address: itself, its domain, or a domain above that."""
    labels = address.rpartition("@")[2].split(".")
    names = [address, *(".".join(labels[number:]) for number in range(len(labels) - 1))]
    found = (ctx.store.get(ctx.account, ctx.region, IDENTITY, name) for name in names)
    return next((record for record in found if record is not None), None)


@operation("sesv2", "GetAccount")
def get_account(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Out of SES's own sandbox, with the quota that AWS gives on the first day."""
    return {
        "DedicatedIpAutoWarmupEnabled": False,
        "EnforcementStatus": "HEALTHY",
        "ProductionAccessEnabled": True,
        "SendQuota": {"Max24HourSend": 50_000.0, "MaxSendRate": 14.0, "SentLast24Hours": 0.0},
        "SendingEnabled": True,
    }
