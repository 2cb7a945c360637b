"""Tables of one planted law under other names, units, files or troubles."""

import numpy as np
import pandas as pd

from analysis.fitting import summary
from analysis.fitting.rows import prepare

ND = ("params", "tokens", "loss")


def runs(budgets=4, noise=0.001):
    """Seven sizes at each budget, of L = 1.7 + 400 N^-.34 + 2000 D^-.37, in plain numbers."""
    flops = np.repeat(10.0 ** np.arange(18, 18 + budgets), 7)
    n = 0.05 * flops**0.5 * np.tile(np.geomspace(0.2, 5, 7), budgets)
    d = flops / (6 * n)
    loss = 1.7 + 400 * n**-0.34 + 2000 * d**-0.37
    loss *= np.exp(noise * np.random.default_rng(0).standard_normal(len(n)))
    return pd.DataFrame({"params": n, "tokens": d, "flops": flops, "loss": loss})


def logs(checkpoints=10):
    """Each run as its log: rows at equal steps, the last of them the run of `runs`."""
    rows = runs().loc[lambda t: t.index.repeat(checkpoints)].reset_index(names="run")
    share = np.tile(np.arange(1, checkpoints + 1) / checkpoints, len(runs()))
    rows["loss"] *= 1 + 0.1 * (1 - share)  # a schedule that has not ended is worse
    return rows.assign(tokens=rows["tokens"] * share, flops=rows["flops"] * share)


def rows_of(table, needed=ND, **options):
    return prepare(table, needed, **options)


def same(rows, expected=None):
    """True where rows hold the numbers of `runs` in every role."""
    expected = runs() if expected is None else expected
    return all(
        np.allclose(rows.fitted[role].astype(float), expected[role], rtol=1e-6)
        for role in ("params", "tokens", "flops", "loss")
    )


def written(table, path, **options):
    table.to_csv(path, index=False, **options)
    return path


def said(told):
    """What is printed beside a fit, or beside rows."""
    return "\n".join(summary.warnings(told))
