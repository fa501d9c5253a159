"""WAF: web ACLs, their associations and logging, IP sets. No request is ever inspected."""
