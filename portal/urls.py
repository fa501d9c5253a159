"""Every address of the portal."""

from django.contrib import admin
from django.urls import include, path

from portal import health, metrics

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    # Browsers ask for it unasked. Left to the admin it would lead to the sign-in page, which ends a sign-in
    # that waits for its code.
    path("favicon.ico", health.favicon, name="favicon"),
    path("metrics", metrics.metrics, name="metrics"),
    path("api/", include("portal.api.urls")),
    path("accounts/", include("allauth.urls")),
    path("", admin.site.urls),
]
