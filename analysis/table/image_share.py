"""What images beside videos are worth: a share of them against clips alone, seed by seed.

Of a budget C a share s leaves (1 - s) C for clips. If images were worth nothing, the loss would be
that of clips alone at (1 - s) C; if they were worth what clips are, that at C. Between the two an
image is worth w of a clip, FLOP by FLOP: loss(C, s) = loss of clips alone at (1 - s + w s) C.
"""

import numpy as np
import pandas as pd

from analysis.table import groups
from vdit.errors import InputError

NAMED = r"-images([0-9.]+)(?:-|$)"  # in a variant's name (`vdit.config.mixture.variant_of`)
KEYS = ["size", "seed", "flops_budget"]


def compared(table: pd.DataFrame, metric: str = "loss") -> pd.DataFrame:
    """A row for each budget, size and share: the means of `metric`, of all at the budget and of
    clips alone at it (`alone`) and at what the share leaves (`left`); `cost` = metric - alone,
    `gain` = left - metric and `worth`, means over common seeds with Student's 95 % intervals.

    Raises `InputError` for a table without shares of images or without their clips alone.
    """
    share = table["variant"].str.extract(NAMED, expand=False).astype(float).fillna(0.0)
    table = table[["variant", *KEYS, metric]].assign(share=share)
    alone = table[share == 0].set_index(KEYS)[metric].sort_index()
    groups = table[share > 0].groupby(["flops_budget", "size", "share"])
    rows = [_row(*key, rows.set_index("seed")[metric], alone) for key, rows in groups]
    if not (rows := [row for row in rows if row]):
        raise InputError(
            f"no share of images with {metric} of clips alone at its budget and at what it leaves: "
            "expected a table of sweeps/image_share.py"
        )
    return pd.DataFrame(rows)


def _row(budget, size, share, mixed, alone) -> dict:
    """Of the seeds that have all three; {} where none has."""
    left, seeds = round((1 - share) * budget, 6), []
    for seed in mixed.index:
        if all((size, seed, at) in alone.index for at in (budget, left)):
            seeds.append(seed)
    if not seeds:
        return {}
    at = {name: _of(alone, size, seeds, x) for name, x in (("alone", budget), ("left", left))}
    mixed = mixed.loc[seeds].to_numpy()
    worth = [
        _worth(alone.loc[size, seed], budget, share, loss)
        for seed, loss in zip(seeds, mixed, strict=True)
    ]
    row = {"flops_budget": budget, "size": size, "share": share, "seeds": len(seeds)}
    row |= {"mixed": mixed.mean()} | {name: x.mean() for name, x in at.items()}
    row |= _interval("cost", mixed - at["alone"]) | _interval("gain", at["left"] - mixed)
    return row | _interval("worth", np.array(worth))


def _of(alone, size, seeds, budget) -> np.ndarray:
    return np.array([alone.loc[size, seed, budget] for seed in seeds])


def _worth(curve, budget, share, loss) -> float:
    """w of one seed, by a line through its clips alone in log compute, up to the budget."""
    curve = curve[curve.index <= budget]
    slope, level = np.polyfit(np.log(curve.index / budget), curve.to_numpy(), 1)
    return (np.exp((loss - level) / slope) - (1 - share)) / share


def _interval(name, values) -> dict:
    return dict(zip((name, f"{name}_low", f"{name}_high"), groups.interval(values), strict=True))
