"""What the environment page is made of: a module here per subject, found by itself, so that who adds a tab or a
card touches no file of others.

A module has a tuple PARTS of `Part`, and its templates are below portal/templates/portal/environment/. For a tab
"Drift", write environment_parts/drift.py:

    PARTS = (
        Part("tab", "drift", "portal/environment/drift.html", position=60, title="Drift", context=_drift),
        Part("tag", "drift", "portal/environment/drift_tag.html", shown=lambda look: …),
    )

`context(look)` answers what the template is given, on top of `env`, `user`, `request` and the page's may_… flags;
it is called for what is shown only, and a tab's only while it is open. `shown(look)` says whether this viewer gets
it. No part asks AWS, and each asks the database a constant number of times.
"""

from portal.pages.environment_parts.base import Look, Part, Shown, parts_of

__all__ = ["Look", "Part", "Shown", "parts_of"]
