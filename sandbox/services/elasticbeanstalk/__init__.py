"""Elastic Beanstalk: applications, versions, templates, environments and what environments make."""
