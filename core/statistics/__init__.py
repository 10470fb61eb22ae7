"""Statistical methods, one a file; each takes arrays and gives numbers, and knows nothing of models or gates.

For a decision on rows that are all there: paired_bound.py (means), delong.py (ROC AUC), paired_bootstrap.py
(any metric). For one that is looked at while rows arrive: msprt.py (variance known), t_mixture.py (variance
estimated).
"""
