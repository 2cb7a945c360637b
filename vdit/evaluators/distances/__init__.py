"""Distances between sets of features, with their bias, errors and names; NumPy and SciPy alone.

Rows are clips, columns features: `made_ND` a model's, `real_MD` those that they are held against.
"""
