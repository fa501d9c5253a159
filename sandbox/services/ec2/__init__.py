"""EC2's networks: VPCs and all that is in them; instances only as far as Beanstalk makes them."""
