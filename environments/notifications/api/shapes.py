"""What channels, deliveries and notifications look like in the API, and what requests about them may say."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from environments.notifications.contents import notice_url
from environments.notifications.models import Channel, Delivery, Entry
from environments.notifications.topics import TOPICS, Group, topics_of
from environments.people.models import Team
from environments.rest.fields import Flag, Named, Text, shown_by
from environments.rest.serializers import Input

GROUPS = f"Any of: {', '.join(Group.values)}."


class ChannelSerializer(serializers.ModelSerializer):
    """What chats and webhooks have in common."""

    team = shown_by("slug", allow_null=True)
    created_by = shown_by("username", allow_null=True)
    topics = serializers.SerializerMethodField(help_text="What its groups hold.")

    class Meta:
        model = Channel
        fields = [
            "id",
            "name",
            "team",
            "groups",
            "topics",
            "is_enabled",
            "disabled_why",
            "failures",
            "failing_since",
            "hold_until",
            "created_by",
            "created_at",
        ]
        read_only_fields = fields

    def get_topics(self, channel: Channel) -> list[str]:
        return topics_of(channel.groups)


class WebhookSerializer(ChannelSerializer):
    """A webhook, without its secret. `team` null: it is told of everything."""

    url = serializers.CharField(read_only=True)

    class Meta(ChannelSerializer.Meta):
        fields = [*ChannelSerializer.Meta.fields, "url", "old_secret_until"]
        read_only_fields = fields


class SecretWebhookSerializer(WebhookSerializer):
    """A webhook with a new secret: the only time that it is shown."""

    secret = serializers.CharField(
        read_only=True, allow_null=True, help_text="Null when the answer is repeated for its key."
    )

    class Meta(WebhookSerializer.Meta):
        fields = [*WebhookSerializer.Meta.fields, "secret"]
        read_only_fields = fields


class ChatSerializer(ChannelSerializer):
    """A chat. Its address is a secret: only its beginning is shown."""

    address = serializers.CharField(source="masked", read_only=True)

    class Meta(ChannelSerializer.Meta):
        fields = [*ChannelSerializer.Meta.fields, "address"]
        read_only_fields = fields


class _ChannelInput(Input):
    name = Text(max_length=60)
    groups = serializers.ListField(child=Text(max_length=20), max_length=20, help_text=GROUPS)


class WebhookChange(_ChannelInput):
    """Another name, other groups, another URL; a URL that is not given stays."""

    url = Text(max_length=500, required=False, default="", help_text="https://…")


class ChatChange(_ChannelInput):
    """Another name, other groups, another address; an address that is not given stays."""

    address = Text(max_length=500, required=False, default="", help_text="As apprise has it.")


def _team() -> Named:
    return Named(
        "team",
        Team.objects.all(),
        by="slug",
        required=False,
        allow_null=True,
        default=None,
        help_text="Slug. Null is everything, for administrators.",
    )


class WebhookInput(_ChannelInput):
    """A new webhook."""

    team = _team()
    url = Text(max_length=500, help_text="https://…")


class ChatInput(_ChannelInput):
    """A new chat."""

    team = _team()
    address = Text(max_length=500, help_text="As apprise has it: slack://TokenA/TokenB/TokenC.")


class DeliverySerializer(serializers.ModelSerializer):
    """One message to one target, and how its last attempt went."""

    webhook_id = serializers.CharField(source="message_id", read_only=True)
    channel = serializers.IntegerField(source="channel_id", read_only=True, allow_null=True)
    channel_name = serializers.CharField(source="channel.name", read_only=True, default=None, allow_null=True)
    person = shown_by("username", allow_null=True)

    class Meta:
        model = Delivery
        fields = [
            "id",
            "webhook_id",
            "medium",
            "topic",
            "channel",
            "channel_name",
            "person",
            "is_test",
            "status",
            "attempts",
            "next_try_at",
            "sentence",
            "response_code",
            "response_text",
            "duration_ms",
            "created_at",
            "tried_at",
        ]
        read_only_fields = fields


class EntrySerializer(serializers.ModelSerializer):
    """A notice in one's own inbox."""

    id = serializers.IntegerField(source="notice_id", read_only=True)
    topic = serializers.CharField(source="notice.topic", read_only=True)
    group = serializers.SerializerMethodField()
    subject = serializers.CharField(source="notice.subject_label", read_only=True)
    sentence = serializers.CharField(source="notice.sentence", read_only=True)
    operation = serializers.IntegerField(source="notice.operation_id", read_only=True, allow_null=True)
    url = serializers.SerializerMethodField(help_text="The page that tells more.")
    at = serializers.DateTimeField(source="notice.at", read_only=True)

    class Meta:
        model = Entry
        fields = ["id", "topic", "group", "subject", "sentence", "operation", "url", "at", "read_at"]
        read_only_fields = fields

    @extend_schema_field({"type": "string", "enum": Group.values})
    def get_group(self, entry: Entry) -> str:
        return TOPICS[entry.notice.topic].group.value

    def get_url(self, entry: Entry) -> str:
        return notice_url(entry.notice)


class WaysSerializer(serializers.Serializer):
    """By which ways a group is told outside of the portal."""

    mail = serializers.BooleanField()
    chat = serializers.BooleanField(help_text="To one's own chat, once there is one.")


class OwnChatSerializer(serializers.ModelSerializer):
    """A chat of one's own."""

    address = serializers.CharField(source="masked", read_only=True)

    class Meta:
        model = Channel
        fields = ["address", "is_enabled", "disabled_why"]
        read_only_fields = fields


class PreferencesSerializer(serializers.Serializer):
    """What one is told, and how. The portal's inbox has everything that concerns one."""

    groups = serializers.DictField(child=WaysSerializer(), help_text=f"By group: {', '.join(Group.values)}.")
    mail_to = serializers.CharField(help_text="Empty without an address.")
    mail_is_on = serializers.BooleanField(help_text="Whether the portal sends mails at all.")
    chat = OwnChatSerializer(allow_null=True)


class WaysInput(Input):
    mail = Flag(required=False)
    chat = Flag(required=False)


class PreferencesInput(Input):
    """What is to change; what is not named stays."""

    groups = serializers.DictField(child=WaysInput(), required=False, default=dict)
    chat = Text(
        max_length=500,
        required=False,
        default=None,
        allow_null=True,
        allow_blank=True,
        help_text="A chat of one's own, as apprise has it; empty takes it away, null leaves it.",
    )


class ReadSerializer(serializers.Serializer):
    """How many notices became read."""

    read = serializers.IntegerField()
