"""Has the data moved away from what training saw? Counts in the same bins, feature by feature.

psi.py measures a distance between two counts; verdict.py says what that distance means; ../profile.py makes
the counts.
"""
