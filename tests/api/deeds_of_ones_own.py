"""Tokens, channels and notifications, and what is read."""

from tests.api.deed import (
    ADMIN,
    ADMINISTRATOR,
    AUDITOR,
    EVERYONE,
    LEADS,
    NEW_CHAT,
    NEW_WEBHOOK,
    PREFERENCES,
    SEERS,
    Deed,
)

OWN = [
    Deed(
        "make a token",
        "token.own",
        "POST tokens/",
        {"name": "n", "scopes": ["read"]},
        201,
        EVERYONE,
        EVERYONE,
    ),
    *(
        Deed(name, "channel.change", line, body, success, LEADS, ADMIN)
        for name, line, body, success in (
            ("make a webhook", "POST webhooks/", NEW_WEBHOOK, 201),
            ("change a webhook", "POST webhooks/{webhook}/update/", {"name": "ci", "groups": ["done"]}, 200),
            ("rotate a webhook", "POST webhooks/{webhook}/rotate/", {}, 200),
            ("disable a webhook", "POST webhooks/{webhook}/disable/", {}, 200),
            ("enable a webhook", "POST webhooks/{disabled}/enable/", {}, 200),
            ("test a webhook", "POST webhooks/{webhook}/test/", {}, 202),
            ("remove a webhook", "DELETE webhooks/{webhook}/", None, 204),
            ("make a chat", "POST chats/", NEW_CHAT, 201),
            ("change a chat", "POST chats/{chat}/update/", {"name": "room", "groups": ["done"]}, 200),
            ("disable a chat", "POST chats/{chat}/disable/", {}, 200),
            ("enable a chat", "POST chats/{chat}/enable/", {}, 200),
            ("test a chat", "POST chats/{chat}/test/", {}, 202),
            ("remove a chat", "DELETE chats/{chat}/", None, 204),
            ("redeliver", "POST deliveries/{delivery}/redeliver/", {}, 200),
        )
    ),
    Deed(
        "make a webhook for everything",
        "channel.change",
        "POST webhooks/",
        {**NEW_WEBHOOK, "team": None},
        201,
        ADMIN,
        ADMIN,
    ),
    *(
        Deed(name, "notification.own", line, body, success, EVERYONE, EVERYONE)
        for name, line, body, success in (
            ("choose notifications", "POST notifications/preferences/", PREFERENCES, 200),
            ("mark notifications read", "POST notifications/read/", {}, 200),
            ("try one's mail", "POST notifications/mail-test/", {}, 202),
            ("see one's preferences", "GET notifications/preferences/", None, 200),
        )
    ),
    *(
        Deed(f"read {resource}", "channel.view", f"GET {resource}/", None, 200, SEERS, SEERS)
        for resource in ("webhooks", "chats", "deliveries")
    ),
    # Somebody else's token is not even seen.
    Deed(
        "revoke anybody's token",
        "token.revoke-any",
        "POST tokens/{token}/revoke/",
        {},
        200,
        ADMIN,
        ADMIN,
        refused=404,
    ),
    Deed(
        "read the audit",
        "audit.view",
        "GET audit/",
        None,
        200,
        {ADMINISTRATOR, AUDITOR},
        {ADMINISTRATOR, AUDITOR},
    ),
    *(
        Deed(f"read {resource}", right, f"GET {resource}/", None, 200, EVERYONE, EVERYONE)
        for resource, right in {
            "accounts": "account.view",
            "applications": "application.view",
            "applications/till/versions": "application.view",
            "blueprints": "release.view",
            "releases": "release.view",
            "environments": "environment.view",
            "environments/shop/resources": "environment.view",
            "environments/shop/drift": "environment.view",
            "environments/shop/drift-checks": "environment.view",
            "environments/shop/revisions": "environment.view",
            "environments/shop/diff": "environment.view",
            "plans": "operation.view",
            "operations": "operation.view",
            "operations/{planned}/events": "operation.view",
            "rules": "rule.view",
            "proposals": "proposal.view",
            "pauses": "rule.view",
            "limits": "rule.view",
            "expiry-rules": "rule.view",
            "team-limits": "rule.view",
            "teams": "team.view",
            "people": "person.view",
            "tokens": "token.own",
            "notifications": "notification.own",
        }.items()
    ),
]
