"""What papers mean by compute and by size, each from the columns of one table.

A FLOP is a true operation, two for each multiply-accumulate, so C = 6 N D counts what the weights N
that meet every token do. It misses the products of attention (queries with keys, weights with
values): with full attention 12 L d n per token for L blocks of width d and n tokens in a clip
(2204.02311, appendix B). It over-counts weights that meet a clip once: the modulation of adaLN (a
third of a DiT) and the tables of labels and positions.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.table import columns


@dataclass(frozen=True)
class Variant:
    """One way to count compute (`compute` maps a table to FLOPs (R,)) and size (a column)."""

    name: str
    words: str
    compute: object
    size: str = "params"
    needs: tuple = ()


def _flops(table):
    return columns.numbers(table, "flops")


def _6nd(size):
    return lambda table: 6 * columns.numbers(table, size) * columns.numbers(table, "tokens")


def attention(table: pd.DataFrame) -> np.ndarray:
    """FLOPs of training in the products of full attention (R,): 12 L d n per token."""
    L, d, tokens, clips = (columns.numbers(table, c) for c in ("depth", "width", "tokens", "clips"))
    return 12 * L * d * (tokens / clips) * tokens


SEEN = ("depth", "width", "clips")
TOTAL, PLAIN = "params_total", "params_no_adaln"
VARIANTS = (
    Variant("true", "true FLOPs, N without embeddings", _flops),
    Variant("macs", "multiply-accumulates (true FLOPs / 2)", lambda t: _flops(t) / 2),
    Variant("true, embeddings in N", "true FLOPs, N = params_total", _flops, TOTAL),
    Variant("true, adaLN not in N", "true FLOPs, N = params_no_adaln", _flops, PLAIN),
    Variant(
        "true, no attention", "true FLOPs less the products of attention",
        lambda t: _flops(t) - attention(t), needs=SEEN,
    ),
    Variant("6ND", "6 N D, N = params", _6nd("params")),
    Variant("6ND, embeddings in", "6 N D, N = params_total", _6nd(TOTAL), TOTAL),
    Variant("6ND, no adaLN", "6 N D, N = params_no_adaln", _6nd(PLAIN), PLAIN),
    Variant(
        "6ND, no adaLN, attention", "6 N D, N = params_no_adaln, and the products of attention",
        lambda t: _6nd(PLAIN)(t) + attention(t), PLAIN, SEEN,
    ),
)  # fmt: skip


def possible(table: pd.DataFrame) -> tuple[list[Variant], list[str]]:
    """(variants that the table has the columns for, lines on the others)."""
    found, said = [], []
    for variant in VARIANTS:
        missing = [c for c in (variant.size, *variant.needs) if not _known(table, c)]
        if missing:
            said.append(f"{variant.name}: left out, no column {', '.join(missing)}")
        elif variant.needs and _layouts(table) - {"full"}:
            said.append(f"{variant.name}: left out, not every run has full attention")
        elif not (variant.compute(table) > 0).all():
            said.append(f"{variant.name}: left out, attention alone would take more than flops")
        else:
            found.append(variant)
    return found, said


def _known(table, column):
    return column in table.columns and bool(np.isfinite(columns.numbers(table, column)).all())


def _layouts(table):
    return set(table["variant"].dropna().astype(str)) if "variant" in table.columns else set()
