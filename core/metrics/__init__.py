"""How good predictions are.

Read families.py first: the names, their directions, and compute(). scoring.py holds the computation over
scikit-learn; losses.py the loss of each single row, which comparisons of two models on the same rows are made
of; intervals.py a metric with its confidence bounds; kpi.py a user's own function. Then by slice: slices.py the
values, slice_cuts.py how a column is cut, slice_measures.py each slice against the rest, worst_slices.py the search.
"""
