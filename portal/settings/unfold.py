"""How django-unfold looks and what its sidebar lists."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _link(title: str, icon: str, name: str, **extra: Any) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse_lazy(name), **extra}


def _static(path: str) -> Callable[[HttpRequest], str]:
    """Looked up at the request: the manifest of static files is not there while settings load."""
    return lambda _request: static(path)


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Switchyard",
    "SITE_HEADER": "Switchyard",
    "SITE_SUBHEADER": "Environments from one blueprint",
    "SITE_SYMBOL": "alt_route",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _static("portal/icon.svg")}],
    "SITE_URL": None,
    "BORDER_RADIUS": "8px",
    # A calm teal: none of the colours that tell a status.
    "COLORS": {
        "primary": {
            "50": "oklch(97.5% .015 195)",
            "100": "oklch(94.5% .03 195)",
            "200": "oklch(89% .05 196)",
            "300": "oklch(81% .075 197)",
            "400": "oklch(73% .095 199)",
            "500": "oklch(63% .1 205)",
            "600": "oklch(50% .09 210)",
            "700": "oklch(44% .08 212)",
            "800": "oklch(38% .065 214)",
            "900": "oklch(33% .05 216)",
            "950": "oklch(24% .04 218)",
        }
    },
    "ACCOUNT": {
        "navigation": [
            {"title": "Profile and time zone", "link": reverse_lazy("admin:profile")},
            {"title": "What you are told", "link": reverse_lazy("admin:notification-preferences")},
            {"title": "API tokens", "link": reverse_lazy("admin:people_apitoken_changelist")},
            {"title": "Second factor", "link": reverse_lazy("mfa_index")},
            {"title": "Change password", "link": reverse_lazy("account_change_password")},
        ]
    },
    "STYLES": [_static("portal/portal.css")],
    "SCRIPTS": [_static("portal/portal.js")],
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {
                "items": [
                    _link("Start", "home", "admin:index"),
                    _link("Environments", "deployed_code", "admin:lifecycle_environment_changelist"),
                    _link(
                        "Approvals", "approval", "admin:approvals", badge="portal.pages.menu.approvals_badge"
                    ),
                    _link(
                        "Notifications",
                        "notifications",
                        "admin:notifications",
                        badge="portal.pages.menu.unread_badge",
                    ),
                    _link("Operations", "play_circle", "admin:operations_operation_changelist"),
                    _link("Queue", "hourglass_top", "admin:queue"),
                    _link("Applications", "package_2", "admin:lifecycle_application_changelist"),
                    _link("Accounts", "cloud", "admin:lifecycle_account_changelist"),
                    _link("Releases", "new_releases", "admin:lifecycle_release_changelist"),
                ]
            },
            {
                "title": "Administration",
                "collapsible": True,
                "items": [
                    _link(
                        "Health and limits",
                        "monitor_heart",
                        "admin:administration",
                        permission="portal.pages.menu.sees_health",
                    ),
                    _link("Expiry and limits", "timer", "admin:policies"),
                    _link(
                        "Sandbox faults",
                        "bolt",
                        "admin:sandbox-faults",
                        permission="portal.pages.menu.sees_faults",
                    ),
                    _link("Approval rules", "rule", "admin:rules"),
                    _link("People", "group", "admin:people_user_changelist"),
                    _link("Teams", "groups", "admin:people_team_changelist"),
                    _link(
                        "Channels",
                        "campaign",
                        "admin:channels",
                        permission="portal.pages.menu.sees_channels",
                    ),
                    _link("API tokens", "key", "admin:people_apitoken_changelist"),
                    _link(
                        "Audit",
                        "history_edu",
                        "admin:operations_auditentry_changelist",
                        permission="portal.pages.menu.sees_audit",
                    ),
                ],
            },
        ],
    },
}
