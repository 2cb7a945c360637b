"""The OLMo ladder (2412.04403): 16 small runs say the C4 loss of models of 7B and 13B, not fitted.

Published is a prediction, of the 13B; what was observed stands where a law was asked for it. Their
step 2 is not in the table; ours says bits per byte of HellaSwag.
"""

import pathlib

import pandas as pd

from analysis.fitting.table import fit_table
from analysis.published.compared import Compared

NAME = pathlib.Path(__file__).stem
TOKENS_13B = 5e12  # of its name; the table leaves the cell blank
COLUMNS = {"params": "N", "loss": "c4_loss"}
SCORE = "hellaswag_bpb"
LARGE = "mode != 'train'"


def compare(folder: pathlib.Path, bootstrap: int) -> list[Compared]:
    """Step 1, size and tokens to loss, by both objectives; then both steps to HellaSwag."""
    runs = runs_of(folder)
    return _losses(folder, runs, bootstrap) + _scores(runs, bootstrap)


def _losses(folder, runs, bootstrap):
    predicted = pd.read_csv(folder / "published_step1_c4_main.csv")["Pred"].iloc[0]
    found = []
    for objective in ("huber", "log_mse"):
        fit = fit_table(
            runs, "chinchilla", objective=objective, hold_out=LARGE, bootstrap=bootstrap, **COLUMNS
        )
        what = f"chinchilla, {objective}"
        for model, row in zip(("7B", "13B"), fit.entry.held_out.rows, strict=True):
            ours = row.predicted, None, row.interval
            if model == "13B":
                found.append(Compared(NAME, what, "C4 loss of 13B, predicted", predicted, *ours))
            found.append(Compared(NAME, what, f"C4 loss of {model}, observed", row.observed, *ours))
    return found


def _scores(runs, bootstrap):
    fit = fit_table(runs, "two_step", metric=SCORE, hold_out=LARGE, bootstrap=bootstrap, **COLUMNS)
    found = []
    for model, said in zip(("7B", "13B"), fit.entry.scores, strict=False):
        name = f"HellaSwag of {model}, observed"
        for what, value, interval in (
            ("by loss", said.value, said.interval),
            ("by compute", said.direct, said.direct_interval),
        ):
            row = Compared(NAME, f"two_step, {what}", name, said.observed, value, None, interval)
            found.append(row)
    return found


def runs_of(folder: pathlib.Path) -> pd.DataFrame:
    """The last evaluation of each run, with the tokens of the 13B."""
    runs = pd.read_csv(folder / "final_points.csv")
    return runs.fillna({"tokens": TOKENS_13B})
