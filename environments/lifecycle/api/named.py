"""Fields of requests that name something: a team, an account, a person, a release."""

from environments.lifecycle.models import Account, Release
from environments.people.models import Team, User
from environments.rest.fields import Named


def team_named(help_text: str = "The team's slug.") -> Named:
    """A team, by its slug."""
    return Named("team", Team.objects.all(), by="slug", help_text=help_text)


def account_named() -> Named:
    """An account, by its name."""
    return Named("account", Account.objects.all(), by="name", help_text="The account's name.")


def owner_named() -> Named:
    """Who answers for what is asked for; may be left out."""
    return Named(
        "person",
        User.objects.all(),
        by="username",
        required=False,
        help_text="User name of who answers for it, somebody of the team; left out, you.",
    )


def release_named(help_text: str) -> Named:
    """A release, by its version; may be left out."""
    return Named(
        "release",
        Release.objects.select_related("blueprint"),
        by="version",
        required=False,
        help_text=help_text,
    )
