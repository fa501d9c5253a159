from django.contrib.admin.apps import AdminConfig


class PortalAdminConfig(AdminConfig):
    """The admin site grown into the portal."""

    default_site = "portal.site.PortalSite"
