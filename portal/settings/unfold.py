"""How django-unfold looks and what its sidebar lists."""

from typing import Any

from django.urls import reverse_lazy


def _link(title: str, icon: str, name: str, **extra: Any) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse_lazy(name), **extra}


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Switchyard",
    "SITE_HEADER": "Switchyard",
    "SITE_SUBHEADER": "Environments from one blueprint",
    "SITE_SYMBOL": "alt_route",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": [],
    "SCRIPTS": [],
    "SIDEBAR": {
        "show_search": False,
        "show_all_applications": False,
        "navigation": [
            {
                "items": [
                    _link("Start", "home", "admin:index"),
                    _link("Environments", "deployed_code", "admin:lifecycle_environment_changelist"),
                    _link("Approvals", "approval", "admin:approvals"),
                    _link("Operations", "play_circle", "admin:operations_operation_changelist"),
                    _link("Accounts", "cloud", "admin:lifecycle_account_changelist"),
                    _link("Releases", "new_releases", "admin:lifecycle_release_changelist"),
                ]
            },
            {
                "title": "Administration",
                "collapsible": True,
                "items": [
                    _link("Health and limits", "monitor_heart", "admin:administration"),
                    _link("People", "group", "admin:people_user_changelist"),
                    _link("Teams", "groups", "admin:people_team_changelist"),
                    _link("API tokens", "key", "admin:people_apitoken_changelist"),
                    _link("Audit", "history_edu", "admin:operations_auditentry_changelist"),
                ],
            },
        ],
    },
}
