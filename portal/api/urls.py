"""Addresses of the API. An address that is not here is answered as a problem, not as a page."""

from django.urls import include, path, re_path

from environments.lifecycle.api.accounts import AccountViewSet
from environments.lifecycle.api.applications import ApplicationViewSet
from environments.lifecycle.api.environments import EnvironmentViewSet
from environments.lifecycle.api.limits import ExpiryRuleViewSet, TeamLimitViewSet
from environments.lifecycle.api.plans import PlanViewSet
from environments.lifecycle.api.releases import BlueprintViewSet, ReleaseViewSet
from environments.lifecycle.api.rules import RuleViewSet
from environments.notifications.api.channels import ChatViewSet, WebhookViewSet
from environments.notifications.api.deliveries import DeliveryViewSet
from environments.notifications.api.inbox import NotificationViewSet
from environments.operations.api.views import OperationViewSet
from environments.people.api.control import AuditViewSet, LimitViewSet, PauseViewSet
from environments.people.api.people import PersonViewSet, TeamViewSet
from environments.people.api.proposals import ProposalViewSet
from environments.people.api.tokens import TokenViewSet
from portal.api.root import ApiRouter
from portal.api.schema import SchemaView, docs_view
from portal.api.views import NowhereView

router = ApiRouter()
router.register("accounts", AccountViewSet, "account")
router.register("applications", ApplicationViewSet, "application")
router.register("blueprints", BlueprintViewSet, "blueprint")
router.register("releases", ReleaseViewSet, "release")
router.register("environments", EnvironmentViewSet, "environment")
router.register("plans", PlanViewSet, "plan")
router.register("operations", OperationViewSet, "operation")
router.register("rules", RuleViewSet, "rule")
router.register("proposals", ProposalViewSet, "proposal")
router.register("expiry-rules", ExpiryRuleViewSet, "expiry-rule")
router.register("team-limits", TeamLimitViewSet, "team-limit")
router.register("teams", TeamViewSet, "team")
router.register("people", PersonViewSet, "person")
router.register("tokens", TokenViewSet, "token")
router.register("audit", AuditViewSet, "audit")
router.register("pauses", PauseViewSet, "pause")
router.register("limits", LimitViewSet, "limit")
router.register("webhooks", WebhookViewSet, "webhook")
router.register("chats", ChatViewSet, "chat")
router.register("deliveries", DeliveryViewSet, "delivery")
router.register("notifications", NotificationViewSet, "notification")

urlpatterns = [
    path("v1/schema/", SchemaView.as_view(), name="api-schema"),
    path("v1/docs/", docs_view, name="api-docs"),
    path("v1/", include(router.urls)),
    re_path("", NowhereView.as_view()),
]
