"""Chinchilla's runs as Epoch AI read them from its figure (2404.10102): L = E + A N^-a + B D^-b.

The five highest losses are left out, as there. The parameters that were published are the optimum
of least absolute deviations; their notebook's of Huber's loss with delta 1e-3 stands beside it.
"""

import pathlib

import pandas as pd

from analysis.fitting.table import fit_table
from analysis.published import compared

NAME = pathlib.Path(__file__).stem
COLUMNS = {"params": "Model Size", "flops": "Training FLOP"}
LEFT_OUT = 5
PUBLISHED = {"A": 482.01, "B": 2085.43, "E": 1.8172, "alpha": 0.34781, "beta": 0.36585}
NOTEBOOK = {"A": 477.84, "B": 2143.86, "E": 1.81724, "alpha": 0.34731, "beta": 0.36718}
INTERVALS = {
    "A": (285.214, 743.626),
    "B": (1042.357, 5810.344),
    "E": (1.769, 1.871),
    "alpha": (0.317, 0.373),
    "beta": (0.331, 0.415),
}


def compare(folder: pathlib.Path, bootstrap: int) -> list[compared.Compared]:
    """Both objectives, with intervals; theirs are of Huber's loss."""
    runs = pd.read_csv(folder / "svg_extracted_data.csv")
    kept = f"loss < {float(runs['loss'].nlargest(LEFT_OUT).min())!r}"
    found = []
    for objective, numbers in (("lad", PUBLISHED), ("huber", NOTEBOOK)):
        fit = fit_table(
            runs, "chinchilla", objective=objective, where=kept, bootstrap=bootstrap, **COLUMNS
        )
        numbers = numbers | {"a": numbers["beta"] / (numbers["alpha"] + numbers["beta"])}
        found += compared.parameters(
            NAME, f"chinchilla, {objective}", fit.entry, numbers, INTERVALS
        )
    return found
