"""From HTTP to parsed input and back, by botocore's service models (with moto.core's parsers and serializers)."""
