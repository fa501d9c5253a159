"""One module per logical unit. Stacks compose these; a unit takes all it needs as arguments and looks nothing up."""
