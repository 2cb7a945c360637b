"""Rows chosen by an expression over the columns, such as "flops < 1e12 and size != 'S'"."""

import numpy as np
import pandas as pd

from vdit.errors import InputError


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
