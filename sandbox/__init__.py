"""A local AWS: one process, one port, every service that Switchyard calls.

Trusted for what docs/sandbox.md lists, and for nothing else. Imports no Django and none of the other parts.
"""

__version__ = "0.1.0"
