"""Certificate Manager: what proves a certificate, and which certificates one record proves."""

from collections.abc import Iterable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from workers.aws.faults import error_code
from workers.aws.session import Session

SERVICE = "acm"
# Renewal looks for the record of an issued certificate again; a certificate of any other status never does.
# https://docs.aws.amazon.com/acm/latest/userguide/dns-renewal-validation.html
PROVEN = ("ISSUED", "PENDING_VALIDATION")
# Without them only RSA keys of 1024 and 2048 bits are listed.
# https://docs.aws.amazon.com/acm/latest/APIReference/API_Filters.html
KEY_TYPES = (
    "RSA_1024",
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "EC_prime256v1",
    "EC_secp384r1",
    "EC_secp521r1",
)


def validation_records(session: Session, arn: str, *, region: str = "") -> list[dict[str, str]]:
    """The CNAMEs that prove a certificate, [{"name", "value"}], names without a dot at the end.

    Empty when there is no such certificate, or nothing is proved by DNS.
    """
    try:
        found = session.client(SERVICE, region=region).describe_certificate(CertificateArn=arn)
    except ClientError as error:
        if error_code(error) == "ResourceNotFoundException":
            return []
        raise
    records = [
        option["ResourceRecord"]
        for option in found["Certificate"].get("DomainValidationOptions", [])
        if "ResourceRecord" in option
    ]
    return [{"name": row["Name"].rstrip("."), "value": row["Value"].rstrip(".")} for row in records]


def certificates(session: Session, *, region: str = "", **filters: Any) -> Iterator[dict[str, Any]]:
    """Certificates of a region as ListCertificates tells them, of every key type."""
    pages = session.client(SERVICE, region=region).get_paginator("list_certificates")
    for page in pages.paginate(Includes={"keyTypes": list(KEY_TYPES)}, **filters):
        yield from page["CertificateSummaryList"]


def certificates_proved(
    session: Session, record: str, *, regions: Iterable[str], without: Iterable[str] = ()
) -> list[str]:
    """ARNs of the certificates that the CNAME `record` proves, but for those in `without`.

    One record proves every certificate of its domain in the account, whatever the region, and wildcards below it.
    """
    domain = record.split(".", 1)[1]
    found = []
    for region in regions:
        for entry in certificates(session, region=region, CertificateStatuses=list(PROVEN)):
            arn = entry["CertificateArn"]
            if arn in without or not _may_name(entry, domain):
                continue
            records = validation_records(session, arn, region=region)
            if any(row["name"] == record for row in records):
                found.append(arn)
    return found


def _may_name(entry: dict[str, Any], domain: str) -> bool:
    """Whether a certificate may be for a domain: the list names its first hundred."""
    names = {entry["DomainName"], *entry.get("SubjectAlternativeNameSummaries", [])}
    return bool(
        entry.get("HasAdditionalSubjectAlternativeNames")
        or domain in {name.removeprefix("*.").lower() for name in names}
    )
