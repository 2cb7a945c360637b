"""Rows chosen by an expression over the columns, such as "flops < 1e12 and size != 'S'"."""

import shlex
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vdit.errors import InputError


@dataclass(frozen=True)
class RowFilter:
    """What was asked of a table's rows, so that whoever takes a fit and its table takes the same.

    The arguments of `analysis.fitting.table.fit_table` of these names.
    """

    where: str | None = None
    hold_out: str | None = None
    unannealed: bool = False
    worst: float | None = None
    drop: tuple[str, ...] = ()
    higher_is_better: bool | None = None

    def flags(self) -> str:
        """As flags of `analysis.fit`, each behind a blank."""
        said = [f"--drop {reason}" for reason in self.drop]
        said += ["--unannealed"] * self.unannealed
        if self.higher_is_better is not None:
            said.append(f"--{'' if self.higher_is_better else 'no-'}higher_is_better")
        valued = {"where": self.where, "hold_out": self.hold_out, "worst": self.worst}
        named = {flag: value for flag, value in valued.items() if value is not None}
        said += [f"--{flag} {shlex.quote(str(value))}" for flag, value in named.items()]
        return "".join(f" {flag}" for flag in said)


def matches(table: pd.DataFrame, expression: str, what: str = "--where") -> np.ndarray:
    """True for each row of `table` that meets `expression` (the syntax of pandas.DataFrame.query).

    A column whose name is no identifier stands in backticks. InputError names what is wrong.
    """
    try:
        found = table.eval(expression, engine="python", local_dict={}, global_dict={})
    except pd.errors.UndefinedVariableError as error:
        unknown = str(error).split("'")[1]
        there = ", ".join(map(str, list(table.columns)[:12]))
        raise InputError(
            f"{what} {expression!r}: no column {unknown!r}; the table has: {there}"
            f"{', ...' * (len(table.columns) > 12)}"
        ) from None
    except (SyntaxError, TypeError, ValueError, KeyError, AttributeError, NotImplementedError) as e:
        reason = str(e).splitlines()[0] if str(e) else type(e).__name__
        raise InputError(f"{what} {expression!r}: can't be evaluated: {reason}") from None
    if not isinstance(found, pd.Series) or found.dtype != bool:
        raise InputError(f'{what} {expression!r}: expected a comparison, such as "flops < 1e12"')
    return found.to_numpy()


def chosen(table: pd.DataFrame, expression: str, what: str = "--where") -> np.ndarray:
    """The same; InputError if no row meets `expression`."""
    found = matches(table, expression, what)
    if not found.any():
        raise InputError(f"{what} {expression!r}: no row of {len(table)} meets it")
    return found
