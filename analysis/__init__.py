"""Scaling laws from a table of runs: every law fitted, with a status, intervals and a verdict."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # slow to import, and --help needs none
    import pandas as pd

    from analysis.fitting.result import Fit


def fit(table: "pd.DataFrame", law: str = "frontier", **options: Any) -> "Fit":
    """Fit `law` to a pandas DataFrame of runs; its `to_json` is what the command writes.

    `options` are those of `analysis.fitting.table.fit_table`. InputError names what is wrong.
    """
    from analysis.fitting.table import fit_table

    return fit_table(table, law, **options)
