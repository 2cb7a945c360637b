"""Rows that were left out of a fit, or flagged, for one reason: in words, and for JSON."""

from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Dropped:
    """Rows left out for one reason."""

    reason: str
    words: str
    rows: tuple[int, ...]  # numbers from 1, as in the user's table
    run_ids: tuple[str, ...]
    verb: str = "left out"

    @classmethod
    def of(cls, rows: pd.DataFrame, reason: str, words: str, verb: str = "left out") -> "Dropped":
        """These rows of a table; another `verb` where they were only looked at."""
        ids = tuple(dict.fromkeys(rows["run_id"].astype(str))) if "run_id" in rows.columns else ()
        numbers = tuple(int(index) + 1 for index in rows.index)
        return cls(reason, f"{reason} ({words})", numbers, ids, verb)

    def as_dict(self) -> dict[str, Any]:
        """The entry in fit.json."""
        return {
            "reason": self.reason,
            "words": self.words,
            "rows": len(self.rows),
            "row_numbers": list(self.rows),
            "run_ids": list(self.run_ids),
            "line": self.line(),
        }

    def line(self) -> str:
        """One line for people."""
        named = self.run_ids or tuple(f"row {row}" for row in self.rows)
        shown = ", ".join(named[:8]) + (f" and {len(named) - 8} more" * (len(named) > 8))
        count = f"{len(self.rows)} row{'s' * (len(self.rows) > 1)}"
        return f"{self.verb} {count}, {self.words}: {shown}"
