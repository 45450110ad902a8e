"""What others sign, checked without a network: rounds of public beacons, and scores."""
