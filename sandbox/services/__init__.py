"""One module (or package) per AWS service: its operations and its resource types."""
