"""Elastic Load Balancing v2: load balancers, listeners, rules, target groups. No traffic is carried."""
