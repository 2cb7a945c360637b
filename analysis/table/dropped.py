"""Rows that were left out of a fit, or flagged, for one reason."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import pandas as pd


def listed(names: Sequence[str]) -> str:
    """The first eight, and how many more there are."""
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" * (len(names) > 8))


@dataclass(frozen=True)
class Dropped:
    """Rows left out for one reason."""

    reason: str
    words: str
    row_numbers: tuple[int, ...]  # from 1, as in the user's table
    run_ids: tuple[str, ...]
    WRITTEN: ClassVar = ("rows", "line")
    VERB: ClassVar = "left out"

    @classmethod
    def of(cls, rows: pd.DataFrame, reason: str, words: str) -> Self:
        """These rows of a table."""
        ids = tuple(dict.fromkeys(rows["run_id"].astype(str))) if "run_id" in rows.columns else ()
        numbers = tuple(int(index) + 1 for index in rows.index)
        return cls(reason, f"{reason} ({words})", numbers, ids)

    @property
    def rows(self) -> int:
        """How many."""
        return len(self.row_numbers)

    @property
    def line(self) -> str:
        """One line for people."""
        named = self.run_ids or tuple(f"row {row}" for row in self.row_numbers)
        count = f"{self.rows} row{'s' * (self.rows > 1)}"
        return f"{self.VERB} {count}, {self.words}: {listed(named)}"


@dataclass(frozen=True)
class Flagged(Dropped):
    """Rows that were kept, and look wrong."""

    VERB: ClassVar = "flagged"
