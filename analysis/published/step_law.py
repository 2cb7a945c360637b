"""Step Law's best learning rate and batch (2503.04715): 1,911 dense runs of 17 sizes and horizons.

lr* = 1.79 N^-0.713 D^0.307 and batch* = 0.58 D^0.571 tokens are linear regressions through the runs
within 0.25 % of the best of each cell, with 1,000 resamples of these runs, of a table that has more
shapes than the one that is public (github.com/step-law/steplaw, data/dense_lr_bs_loss.csv). Here
all runs near the best are fitted, and batch may go with size.
"""

import pathlib
from collections.abc import Callable

import numpy as np
import pandas as pd

from analysis.laws import hyperparameters
from analysis.published.compared import Compared

NAME = pathlib.Path(__file__).stem
COLUMNS = {"params": "N", "tokens": "D", "loss": "smooth loss"}
SEQUENCE = 2048  # tokens
PUBLISHED = {
    #               published, 95 % of their resamples
    "lr_params":    (-0.713, (-0.774, -0.655)),
    "lr_tokens":    (0.307, (0.271, 0.345)),
    "batch_params": (0.0, None),
    "batch_tokens": (0.571, (0.534, 0.606)),
}  # fmt: skip


def compare(folder: pathlib.Path, bootstrap: int) -> list[Compared]:
    """The laws' exponents, and what their settings cost each cell, which ours has not seen.

    Their intervals leave out cells, so `bootstrap` is not needed.
    """
    runs = pd.read_csv(folder / "dense_lr_bs_loss.csv")
    runs = runs.assign(batch=SEQUENCE * runs["bs"])
    fit = hyperparameters.fit(runs, COLUMNS).entry()
    rows = [
        Compared(NAME, "dense runs", key, value, fit.parameters[key], theirs, fit.intervals[key])
        for key, (value, theirs) in PUBLISHED.items()
    ]
    theirs, ours = _lost(runs, _published), _lost(runs, _others)
    for name, of in (("mean", np.mean), ("worst", np.max)):
        rows.append(Compared(NAME, "dense runs", f"loss lost, {name} cell", of(theirs), of(ours)))
    return rows


def _lost(runs: pd.DataFrame, law: Callable) -> list[float]:
    """Share of loss by which the run nearest the law's settings is above the best, by cell."""
    lost = []
    for where, cell in runs.groupby(["N", "D"]):
        set_to = law(runs.drop(cell.index), *where)
        away = np.log(cell[["lr", "batch"]].to_numpy() / set_to)
        loss = cell["smooth loss"].to_numpy()
        lost.append(float(loss[np.argmin((away**2).sum(1))] / loss.min() - 1))
    return lost


def _published(_, n, d):
    return np.array([1.79 * n**-0.713 * d**0.307, 0.58 * d**0.571])


def _others(runs, n, d):
    fit = hyperparameters.fit(runs, COLUMNS)
    found = hyperparameters.predict(fit, {"params": n, "tokens": d})
    return np.array([found[axis].value for axis in ("lr", "batch")])
