"""The admin site grown into the portal: its pages and its start page."""

from unfold.sites import UnfoldAdminSite


class PortalSite(UnfoldAdminSite):
    """Switchyard's site."""

    site_title = "Switchyard"
