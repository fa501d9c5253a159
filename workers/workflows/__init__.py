"""One module per verb. Importing this registers them all."""
