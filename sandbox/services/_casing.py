"""Members in the two spellings: the API's (`scanOnPush`) and CloudFormation's (`ScanOnPush`)."""

from __future__ import annotations

from typing import Any

# Where they differ by more than the first letter.
_TO_CFN = {"buildspec": "BuildSpec"}
_FROM_CFN = {value: key for key, value in _TO_CFN.items()}


def to_cfn(value: Any) -> Any:
    """The API's members in CloudFormation's spelling, all the way down."""
    if isinstance(value, dict):
        return {_TO_CFN.get(k, k[:1].upper() + k[1:]): to_cfn(v) for k, v in value.items()}
    return [to_cfn(v) for v in value] if isinstance(value, list) else value


def from_cfn(value: Any) -> Any:
    """And back."""
    if isinstance(value, dict):
        return {_FROM_CFN.get(k, k[:1].lower() + k[1:]): from_cfn(v) for k, v in value.items()}
    return [from_cfn(v) for v in value] if isinstance(value, list) else value
