"""Who may do what: principals from credentials, and the decision on each request."""
