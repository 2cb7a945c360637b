"""Scaling laws from a table of runs: every law fitted, with a status, intervals and a verdict."""


def fit(table, law="frontier", **options):
    """Fit `law` to a pandas DataFrame of runs; the dict that `python -m analysis.fit` writes.

    `options` are those of `analysis.fitting.table.fit_table`. TableError names what is wrong.
    """
    from analysis.fitting.table import fit_table

    return fit_table(table, law, **options)
