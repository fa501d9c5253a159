"""What the REST faces of all apps share: strict input, strict parameters, and the way to answer."""
