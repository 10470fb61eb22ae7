"""Statistical methods, one a file; each takes arrays and gives numbers, and knows nothing of models or gates.

Read first the two that say what the others share: paired_bound.py (an estimate with one-sided bounds, on rows
that are all there) and msprt.py (evidence that may be looked at while rows arrive).

One look, both models on the same rows:
    paired_bound.py      the mean of differences, by Student's t; rows still needed
    delong.py            two ROC AUCs
    mcnemar.py           two shares of right answers
    permutation.py       the mean of differences, without a distribution
    paired_bootstrap.py  any metric, trusting in normality; cheap
    bca.py               any metric, not trusting in it
    wilson.py            a share

One look, separate rows:
    non_inferiority.py   two shares of failures, with a margin
    beta_comparison.py   P(B > A) of two rates; no test

Any number of looks:
    msprt.py                a mean, variance known
    t_mixture.py            a mean, variance estimated
    betting.py              a mean of bounded values, any distribution
    sequential_mcnemar.py   two shares of right answers on the same rows
    two_arms.py             separate rows, with a margin; its evidence is in two_arm_evidence.py
    sprt.py                 one rate between two given ones

Of times:
    histogram.py         quantiles from counts that many processes made

Of many tests, and of probabilities:
    false_discovery.py   which of many p-values to believe
    calibration.py       whether probabilities mean what they say

Of rows that people looked at:
    inverse_probability.py  totals and means of all rows, from rows drawn with known probabilities
    kappa.py                how far two people agree beyond chance
"""
