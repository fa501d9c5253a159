#!/usr/bin/env python
"""Django's command line. Settings default to production, so that a forgotten variable is never lax."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.production")
    execute_from_command_line(sys.argv)
