"""What a command writes where it is asked to, and says that it has."""

import pathlib
from typing import TYPE_CHECKING

from vdit.runs.files import write_bytes, write_text

if TYPE_CHECKING:  # slow to import, and --help needs none
    import pandas as pd
    from matplotlib.figure import Figure


def csv(path: str | pathlib.Path, table: "pd.DataFrame", digits: int | None = 6) -> None:
    """The table, its numbers to so many significant digits; to all of them where it is None."""
    write_text(path, table.to_csv(index=False, float_format=digits and f"%.{digits}g"))
    print(f"written to {path}")


def png(path: str | pathlib.Path, drawn: "Figure") -> None:
    """A figure drawn in the light palette."""
    from analysis.figures import style

    write_bytes(path, style.png(drawn, style.LIGHT))
    print(f"written to {path}")
