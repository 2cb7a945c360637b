"""What the laws of compute are fitted to where the table has no budgets."""

from dataclasses import replace

import numpy as np

from analysis.fitting.rows import Rows
from analysis.frontier import envelope as hull
from analysis.table import columns


def best_of_compute(rows: Rows) -> tuple[Rows, str]:
    """(rows on the lower envelope, words) where runs differ in size; all rows where they don't."""
    sizes = rows.fitted["params"].nunique() if "params" in rows.fitted.columns else 1
    if sizes == 1:
        return rows, f"fitted to all {len(rows.fitted)} rows: they do not differ in size"
    on = np.zeros(len(rows.fitted), bool)
    log_c = np.log(columns.numbers(rows.fitted, "flops"))
    on[hull.lower_hull(log_c, np.log(rows.loss()))] = True
    words = f"no compute budgets: fitted to the {on.sum()} rows on the lower envelope in compute"
    return replace(rows, fitted=rows.fitted[on]), words
