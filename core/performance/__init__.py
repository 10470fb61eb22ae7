"""How good live predictions are: measured where labels came, estimated where they did not.

Read finding.py first: what is kept of a window. Then beliefs.py and class_measures.py (metrics of classifiers whose
labels are known, or only how probable each is), number_measures.py (of regressions) and labelled.py (each with its
interval). Without labels: calibrating.py and cbpe.py for classifiers, error_model.py, error_fitting.py and dle.py for
regressions. reference.py is what both have learned from the held-out rows, learning.py learns it; spread.py says how
far a window may lie from it, support.py which rows it knows, validity.py when an estimate is not to be believed.
window.py judges one window by all of these (judging.py, slices.py); kpi.py measures a user's own function.
"""
