"""The blueprint: CDK apps that make one environment, one account's baseline, and the way into an account.

It runs without the portal: everything it is told comes in a Spec and RegionFacts, nothing is looked up.
"""

VERSION = "1.13.0"
"""Version of the blueprint. The portal snapshots it as a Release; it is also the tag switchyard:release."""
