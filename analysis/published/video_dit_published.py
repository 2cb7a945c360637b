"""Published laws of video and image DiTs: whether they agree with themselves and with their runs.

HunyuanVideo (2412.03603) and Liang et al. (2410.08184) publish N*(C) and D*(C): 6 N* D* / C is 1 if
they are one law. Yin et al. (2411.17470) publish lr*(N, D) and batch*(N, D), fitted to models up
to 0.26B, and the losses of 36 runs of 1.07B, whose best settings are read here (the table is a
transcription of their figure 4, second hand).
"""

import pathlib
from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.laws import hyperparameters, published
from analysis.laws.cells import Cell, Noise
from analysis.published.compared import Compared

NAME = pathlib.Path(__file__).stem
AT = (("hunyuan_image", 5.8e22), ("hunyuan_video", 7e22), ("liang", 1.5e21))  # their own examples
COLUMNS = {"params": "N", "batch": "batch_tokens", "loss": "val_loss"}


def compare(folder: pathlib.Path, bootstrap: int) -> list[Compared]:
    """The laws' own consistency, then the best settings of Yin's runs beside their laws."""
    runs = pd.read_csv(folder / "yin2411.17470_fig4_1.07B_lr_bs_heatmap.csv")
    found = hyperparameters.fit(runs, COLUMNS)
    settings = (row for cell in found.cells for row in _settings(cell, found.noise))
    return [*(_consistent(*at) for at in AT), *settings]


def _consistent(law: str, flops: float) -> Compared:
    n, d = (published.evaluate(law, output, flops=flops) for output in ("params", "tokens"))
    return Compared(NAME, f"{law} at {flops:.2g} FLOPs", "6 N* D* / C", 1.0, 6 * n * d / flops)


def _settings(cell: Cell, noise: Noise | None) -> Iterator[Compared]:
    status = cell.reason or "inside"
    for axis in ("lr", "batch"):
        said = published.evaluate("yin", axis, **cell.where)
        what = f"yin, 1.07B and {cell.where['tokens']:.0e} tokens, 18 runs: {status}"
        number = f"best {axis}" + (", tokens" if axis == "batch" else "")
        best = float(np.exp(cell.best[axis])) if axis in cell.best else None
        between = cell.interval(axis, noise) if noise and axis in cell.best else None
        yield Compared(NAME, what, number, said, best, None, between)
