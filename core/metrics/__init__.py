"""How good predictions are.

Read families.py first: the names, their directions, and compute(). scoring.py holds the computation over
scikit-learn; losses.py the loss of each single row, which comparisons of two models on the same rows are made
of.
"""
