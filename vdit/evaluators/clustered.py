"""Means over clips of which some are not independent: errors by clusters."""

import numpy as np


def by_cluster(values: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """(G,) a number for each of G clusters, of values (M,) that are not nan.

    Their mean is that of the values, and std(ddof=1) / sqrt(G) its standard error where clusters
    are independent and their members are not: the linearised ratio estimator
    mean + G / M sum_(i in g) (x_i - mean) (Cochran, Sampling Techniques, 1977, 6.3). Members are
    samples of one caption, or windows of one video; where each is alone, numbers are the values.
    """
    there = ~np.isnan(values)
    values, (_, cluster) = values[there], np.unique(clusters[there], return_inverse=True)
    if not len(values):
        return values
    share = np.bincount(cluster) * (cluster.max() + 1) / len(values)  # of a cluster's average size
    total = np.bincount(cluster, values) * (cluster.max() + 1) / len(values)
    return total - values.mean() * (share - 1)


def mean(values: np.ndarray, clusters: np.ndarray) -> tuple[float, float, int]:
    """Mean of values (M,) that are not nan, its standard error, and the number of clusters.

    nan is the mean of none, and the error of fewer than two. A value that is infinite makes the
    mean so, without an error.
    """
    if np.isinf(values).any():
        return float(np.nanmean(values)), float("nan"), len(np.unique(clusters))
    found = by_cluster(values, clusters)
    count = len(found)
    error = found.std(ddof=1) / np.sqrt(count) if count > 1 else np.nan
    return float(found.mean()) if count else float("nan"), float(error), count
