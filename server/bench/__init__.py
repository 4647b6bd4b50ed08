"""`pandora bench`: the service measured from outside, as its clients see it."""
