"""Are the rows of a window as well made as the reference's? Shares and numbers of rows, not distributions.

verdict.py is what one check found; shares.py asks for missing values, numbers out of range and unknown categories,
constant.py for columns that stand still, volume.py for the number of rows; judge.py asks all of them.
"""
