"""Gemstones (2502.06857): thirty published fits of size, width, depth and tokens, and an envelope.

Of each fit the objective at the published optimum, as a share of the one found here (above 1: the
published one was no optimum), the floor and the exponents. Rows of one run are resampled together.
The ten fits of sizes without embeddings are left out: the tables do not hold those sizes.
"""

import json
import math
import pathlib
from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis.fitting.table import fit_table
from analysis.published import compared
from analysis.published.compared import Compared

NAME = pathlib.Path(__file__).stem
LAWS = {
    "parameters": ("chinchilla", ("alpha", "beta")),
    "width_depth": ("width_depth", ("alpha_width", "alpha_depth", "alpha_tokens")),
    "width_depth_parameters": (
        "width_depth_params",
        ("alpha_width", "alpha_depth", "alpha_params", "alpha_tokens"),
    ),
}
COLUMNS = {"params_active_precise": "params", "final_loss": "loss", "run_name": "run_id"}
ENVELOPE = {"a": 0.4994, "b": 0.4810}  # approach 1, of hot_100b+


def compare(folder: pathlib.Path, bootstrap: int) -> list[Compared]:
    """Every published fit of approach 3 whose runs are there, then approach 1."""
    paths = sorted(folder.glob("parameters_delta-*/approach_3_*.json"))
    found = [row for path in paths for row in _surface(folder, path, bootstrap)]
    envelope = fit_table(_runs(folder, "hot_100b+"), "envelope", bootstrap=0)
    return found + compared.parameters(NAME, "hot_100b+, envelope", envelope.entry, ENVELOPE)


def _surface(folder: pathlib.Path, path: pathlib.Path, bootstrap: int) -> Iterator[Compared]:
    kind, rows = path.stem.removeprefix("approach_3_").split("_grid_search_0_")
    if not _path(folder, rows).is_file():
        return
    law, exponents = LAWS[kind]
    delta = 10.0 ** -int(path.parent.name[-1])
    fit = fit_table(_runs(folder, rows), law, delta=delta, bootstrap=bootstrap)
    published = {name: value["0"] for name, value in json.loads(path.read_text()).items()}
    what = f"{rows}, {law}, delta {delta:g}"
    share = published["loss"] / fit.entry.objective_value
    yield Compared(NAME, what, "objective, share of ours", share, 1.0)
    numbers: dict[str, Any] = {"E": math.exp(published["irreducible_error"])}
    numbers |= dict(zip(exponents, published["exponents"], strict=True))
    yield from compared.parameters(NAME, what, fit.entry, numbers)


def _runs(folder, rows):
    return pd.read_json(_path(folder, rows), lines=True).rename(columns=COLUMNS)


def _path(folder, rows):
    return folder / "wandb_dfs" / f"wandb_df_for_fitting_{rows}.jsonl"
