"""Numbers that make names differ."""

import itertools

numbers = itertools.count(1)
