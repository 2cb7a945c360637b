"""How the outputs of a model's layers grow with its width: the slopes of a coordinate check."""

import numpy as np
import pandas as pd

from analysis.table import schema
from vdit.errors import InputError

COLUMNS = ("parameterization", "width", "layer", "rms")
FLAT = 0.1  # largest slope of log output in log width that is called flat


def slopes(table: pd.DataFrame, name: str = "table") -> dict[str, dict[str, float]]:
    """{parameterization: {layer: slope of log rms in log width}}, sp first."""
    for column in COLUMNS:
        if column not in table.columns:
            raise InputError(f"{name}: missing column {column!r}")
    for column in ("width", "rms"):
        schema.require_number(table, column, name)
    if table["width"].nunique() < 2:
        raise InputError(f"{name}: one width alone, expected two or more")
    found = {}
    for (kind, layer), rows in table.groupby(["parameterization", "layer"], sort=False):
        slope = np.polyfit(np.log(rows["width"]), np.log(rows["rms"]), 1)[0]
        found.setdefault(kind, {})[layer] = float(slope)
    return found
