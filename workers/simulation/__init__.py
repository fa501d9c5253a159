"""What a plan's policies newly allow: documents out of templates, judged by a simulator, told in words."""
