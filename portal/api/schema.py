"""The OpenAPI document, and the page that shows it.

Snapshot: `python manage.py spectacular --generator-class portal.api.schema.Generator --validate --fail-on-warn
--file docs/openapi.yaml`; a test compares it.
"""

from typing import Any

from django.contrib.auth.decorators import login_required
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.plumbing import normalize_result_object, process_webhooks
from drf_spectacular.settings import patched_settings
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import AllowAny, IsAuthenticated

from environments.notifications.api.payload import HEADERS, WEBHOOKS
from environments.people.authentication import ApiTokenAuthentication
from portal.api.problems import CONTENT_TYPE
from portal.api.root import SecondFactorSession

ABOUT = """Request, watch and tear down environments from one blueprint.

Send a token as `Authorization: Bearer <token>`. Starting an operation answers 202 with the operation and its URL;
`GET operations/{id}/?wait=30` holds until it ends or changes. A POST with an `Idempotency-Key` is done once, however
often it is sent within 24 hours. Every error is `application/problem+json` with a sentence and the field."""

PROBLEM = {
    "type": "object",
    "description": "Why a request was not done.",
    "required": ["type", "title", "status", "detail", "errors"],
    "properties": {
        "type": {"type": "string", "description": "urn:switchyard:problem:conflict and so on."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "One sentence for a person, or a few."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "detail"],
                "properties": {"field": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}

WORDS = {
    "400": "Something in the request is not acceptable; errors names the fields.",
    "401": "No token, or one that is unknown, expired or revoked.",
    "403": "The person or the token may not do this.",
    "404": "There is no such thing.",
    "406": "The answer can only be JSON.",
    "409": "The subject is not in a state for this, or the first request with this key still runs.",
    "413": "The body is too large.",
    "415": "The body has to be application/json.",
    "422": "The idempotency key was used for another body.",
    "429": "Too many requests of this token, this person, or with refused tokens from this address.",
    "503": "The database cannot be reached at this moment.",
}
ALWAYS = ("400", "401", "403", "404", "406", "429", "503")
POSTED = (*ALWAYS, "409", "413", "415", "422")

IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[A-Za-z0-9._:-]+$"},
    "description": "The same key and body again within 24 hours: the first answer again, without its secrets.",
}
LOCATION = {
    "Location": {"description": "The operation's URL.", "schema": {"type": "string", "format": "uri"}}
}
RETRY_AFTER = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 0}}
}


STATES = "environments.{}.states.{}"
# Fields that are all named "status" or "mode" would else get names made of hashes.
ENUM_NAMES = {
    "EnvironmentStatus": STATES.format("lifecycle", "EnvironmentStatus"),
    "ApplicationStatus": STATES.format("lifecycle", "ApplicationStatus"),
    "AccountStatus": STATES.format("lifecycle", "AccountStatus"),
    "AccountMode": STATES.format("lifecycle", "AccountMode"),
    "Tier": STATES.format("lifecycle", "Tier"),
    "OperationStatus": STATES.format("operations", "OperationStatus"),
    "StepStatus": STATES.format("operations", "StepStatus"),
    "DeliveryStatus": "environments.notifications.models.Delivery.Status",
    "Medium": "environments.notifications.models.Medium",
    "Group": "environments.notifications.topics.Group",
    "Phase": STATES.format("operations", "Phase"),
    "PortalRole": "environments.people.models.PortalRole",
    "Risk": "environments.lifecycle.models.Risk",
    "ProposalStatus": "environments.people.models.ProposalStatus",
}


class TokenScheme(OpenApiAuthenticationExtension):
    """How the document tells of API tokens."""

    target_class = ApiTokenAuthentication
    name = "token"
    priority = 1

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "description": "An API token of yours."}


class SessionScheme(OpenApiAuthenticationExtension):
    """How the document tells of a browser's session."""

    target_class = SecondFactorSession
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "Needs X-CSRFToken too.",
        }


class Generator(SchemaGenerator):
    """Adds what all operations share: problems, and the key of POSTs."""

    def parse(self, request: Any, public: bool) -> Any:
        paths = super().parse(request, public)
        # Here and not by spectacular's own setting: it reads webhooks when components are closed already.
        self.webhooks = process_webhooks(WEBHOOKS, self.registry)
        return paths

    def get_schema(self, request: Any = None, public: bool = False) -> dict[str, Any]:
        with patched_settings({"ENUM_NAME_OVERRIDES": ENUM_NAMES}):
            document = super().get_schema(request=request, public=public)
        document["info"]["description"] = ABOUT
        document["webhooks"] = normalize_result_object(self.webhooks)
        for webhook in document["webhooks"].values():
            webhook["post"]["parameters"] = HEADERS
        document.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
        for path in document["paths"].values():
            for method, operation in path.items():
                _complete(method, operation)
        return document


def _complete(method: str, operation: dict[str, Any]) -> None:
    codes = ALWAYS if method == "get" else POSTED
    for code in codes:
        answer = {
            "description": WORDS[code],
            "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        if code in ("429", "503"):
            answer["headers"] = RETRY_AFTER
        operation["responses"].setdefault(code, answer)
    if method == "post":
        operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
        for code, answer in operation["responses"].items():
            if code == "202":
                answer["headers"] = LOCATION


class SchemaView(SpectacularAPIView):
    """The document, as YAML unless JSON is asked for."""

    generator_class = Generator
    authentication_classes = [ApiTokenAuthentication, SecondFactorSession]
    permission_classes = [IsAuthenticated]


class _DocsPage(SpectacularSwaggerSplitView):
    """Swagger UI from our own static files, its script apart from its page: no inline script, as CSP wants."""

    url_name = "api-schema"
    permission_classes = [AllowAny]


docs_view = login_required(_DocsPage.as_view())
