"""DiT's Table 4 (2212.09748): FID of twelve models after 400,000 steps against forward Gflops.

Published is the correlation of FID with the logarithm of Gflops, -0.93.
"""

import pathlib

import numpy as np
import pandas as pd

from analysis.laws import loglinear
from analysis.published.compared import Compared

NAME = pathlib.Path(__file__).stem
CORRELATION = -0.93


def compare(folder: pathlib.Path, bootstrap: int) -> list[Compared]:
    """The correlation with its interval by Fisher's z, and the spread of the law FID = k G^-a."""
    runs = pd.read_csv(folder / "dit_table4_400k.csv")
    gflops, fid = runs["gflops_fwd"].to_numpy(), runs["fid50k_nocfg_400k"].to_numpy()
    found = float(np.corrcoef(np.log10(gflops), fid)[0, 1])
    half = 1.96 / np.sqrt(len(runs) - 3)
    ends = np.tanh(np.arctanh(found) + np.array([-half, half])).tolist()
    law = loglinear.fit({"gflops": gflops}, fid)
    k, a = law.parameters().values()
    what = f"12 models; FID = {k:.1f} G^{a:.3f}, scatter {law.scatter:.0%}"
    return [Compared(NAME, what, "correlation of FID with log G", CORRELATION, found, None, ends)]
