"""What a channel keeps encrypted, in clear: for the worker that signs or sends, and nobody else."""

from django.utils import timezone

from environments.notifications.models import Channel
from environments.people.encryption import decrypt, encrypt


def seal(text: str) -> str:
    """As it is kept in a row."""
    return encrypt(text.encode()).decode()


def signing_secrets(channel: Channel) -> list[str]:
    """The secrets that sign a webhook now, newest first."""
    found = [channel.secret]
    if channel.old_secret and channel.old_secret_until and channel.old_secret_until > timezone.now():
        found.append(channel.old_secret)
    return [_open(one) for one in found]


def chat_address(channel: Channel) -> str:
    """A chat's whole address."""
    return _open(channel.address)


def _open(sealed: str) -> str:
    return decrypt(sealed.encode()).decode()
