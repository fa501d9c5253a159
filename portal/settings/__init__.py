"""One module per place the portal runs in: production, demo, test. What they share is in base."""
