"""What requests about environments may say."""

from typing import Any

from rest_framework import serializers

from environments.lifecycle.api.named import account_named, owner_named, release_named, team_named
from environments.lifecycle.stores import CORE
from environments.rest.fields import Flag, Text, Whole
from environments.rest.serializers import Input


class RestoreSourceInput(Input):
    """Where the database's first data comes from."""

    kind = serializers.ChoiceField(["snapshot", "cluster"])
    id = Text(max_length=255, help_text="Identifier of the snapshot or cluster.")


class PreviewInput(Input):
    """A request for an environment. Sizes, tiers and regions are those of the release."""

    name = Text(max_length=200, help_text="3 to 20 lower-case letters, digits and single hyphens.")
    team = team_named()
    owner = owner_named()
    tier = Text(max_length=20, help_text="dev, staging or prod.")
    size = Text(max_length=20, help_text="small, medium or large.")
    account = account_named()
    home_region = Text(max_length=30, help_text="Fixed for its life.")
    release = release_named("A version; left out, the default release.")
    cidr = Text(
        max_length=50,
        required=False,
        allow_blank=True,
        help_text="As 10.12.0.0/16; left out, the account's next free /16.",
    )
    domain = Text(
        max_length=255, required=False, allow_blank=True, help_text="Left out, <name>.<the account's zone>."
    )
    standby = Text(
        max_length=20,
        required=False,
        help_text="none (the default), pilot-light (data and what costs little) or warm (it serves at once).",
    )
    other_region = Text(
        max_length=30,
        required=False,
        allow_blank=True,
        help_text="Where the standby stands; another region than the home.",
    )
    other_cidr = Text(
        max_length=50,
        required=False,
        allow_blank=True,
        help_text="The standby's address range; left out, the account's next free /16.",
    )
    modules = serializers.ListField(
        child=Text(max_length=40),
        required=False,
        max_length=50,
        help_text="Parts that can be off, of those that the release has; left out, the tier's.",
    )
    secrets = serializers.ListField(
        child=Text(max_length=100),
        required=False,
        max_length=50,
        help_text='Names of the application\'s own secrets: ["SMTP_PASSWORD"]. Each is made without a value, which a'
        " person sets in AWS; an update names others.",
    )


class EnvironmentInput(PreviewInput):
    """A request for an environment."""

    expires_at = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text="When it is torn down; left out, as its tier's rule says (expiry-rules/); null: never, where the"
        " rule has no maximum.",
    )

    restore_source = RestoreSourceInput(required=False, allow_null=True)
    is_protected = Flag(required=False, help_text="Left out: true outside dev.")


class ProtectInput(Input):
    """Protection against teardown."""

    is_protected = Flag(default=True)


class UpdateInput(Input):
    """Other values of the spec, another release, or both."""

    changes = serializers.DictField(
        child=serializers.JSONField(),
        required=False,
        default=dict,
        help_text='Fields that the release marks as changeable in its schema: {"size": "medium"}.',
    )
    release = release_named("A version to upgrade to (or to go back to); left out, the environment's own.")
    replace = serializers.ListField(
        child=serializers.CharField(max_length=300),
        required=False,
        default=list,
        max_length=50,
        help_text="What holds data and may be replaced or removed all the same, each named: data/Cluster. A plan that"
        ' was refused lists them in its operation\'s failure, as "losses".',
    )


class ExtendInput(Input):
    """Another end: a moment, or so many hours more."""

    until = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text="When it expires; null: never. An earlier one takes time back.",
    )
    hours = Whole(
        min_value=1,
        max_value=87_600,
        required=False,
        help_text="On top of its expiry, or of now when that has passed.",
    )
    reason = Text(
        required=False, allow_blank=True, default="", help_text="For who approves it, and the audit."
    )

    def validate(self, said: dict[str, Any]) -> dict[str, Any]:
        if ("until" in said) == ("hours" in said):
            raise serializers.ValidationError(
                {"until": "Say until when, or by how many hours: one of the two."}
            )
        return said


class TeardownInput(Input):
    """The end of an environment."""

    confirm = Text(max_length=200, help_text="The environment's name, typed.")
    copies = serializers.DictField(
        child=Flag(),
        help_text=f"Per store, whether a last copy is kept: {', '.join(CORE)}, and those of its modules and its"
        " standby. The environment's `stores` names them; each needs its true or false.",
    )
    reason = Text(required=False, allow_blank=True, default="")
