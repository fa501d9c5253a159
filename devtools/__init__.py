"""For developers: real servers from wheels, the demo, fixtures' back end, benchmarks. No part of a production image.

It imports none of the portal's packages: whatever it needs of them it asks as a user would, by command, HTTP or boto3.
"""
