"""Numbers and units as people write them: "32M", "1,234,567", "tokens (B)", "flops_e18".

A comma is a thousand separator or a decimal comma: where a column does not settle which, it is an
error. A petaFLOP/s-day (2005.14165) is 8.64e19 FLOPs.
"""

import re

import pandas as pd

from vdit.errors import InputError

SCALES = {
    **{"k": 1e3, "thousand": 1e3, "kilo": 1e3},
    **{"m": 1e6, "mn": 1e6, "million": 1e6, "mega": 1e6},
    **{"b": 1e9, "bn": 1e9, "billion": 1e9, "g": 1e9, "giga": 1e9},
    **{"t": 1e12, "trillion": 1e12, "tera": 1e12, "p": 1e15, "peta": 1e15},
    **{"e": 1e18, "exa": 1e18, "z": 1e21, "zetta": 1e21, "y": 1e24, "yotta": 1e24},
}
DAY = 86400.0  # seconds
PERCENT = re.compile(r"%|percent|pct", re.IGNORECASE)
MEASURE = re.compile(r"(.*?)[\s_]*[(\[]\s*(?:(%|percent|pct)|(?:nats?|bits?)\b.*)[)\]]\s*")
BLANK = ("", "-", "--", "–", "?", "none", "nan", "n/a", "na", "null")
POWER = re.compile(r"[x×*/]?\s*(?:10\s*(?:\^|\*\*)|1?e)\s*\+?(\d{1,2})", re.IGNORECASE)
UNIT = re.compile(
    rf"(?:in[ _])?(?P<scale>{'|'.join(sorted(SCALES, key=len, reverse=True))})?s?[ _-]?"
    r"(?:(?P<flops>fl?o?p?s?(?:/s)?)|params?|parameters?|tokens?|weights?)?(?P<days>[ _-]?days?)?",
    re.IGNORECASE,
)
NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*(.*)", re.IGNORECASE)
TIMES_TEN = re.compile(r"\s*[x×*·]\s*10\s*(?:\^|\*\*)\s*")  # 1.2 x 10^21
TEN = re.compile(r"^10\s*(?:\^|\*\*)\s*(?=\d)")  # 10^21
SPACED = re.compile(r"(?<=\d)[ _'\u00a0\u202f](?=\d{3}(?!\d))")  # 1 234 567, 1_234_567
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?![\d,])")


def factor(unit: str) -> float | None:
    """Parameters, tokens or FLOPs in one `unit`, such as B, e18 or PF-days; None if it is none.

    Of a share in one percent.
    """
    unit = unit.strip()
    if PERCENT.fullmatch(unit):
        return 0.01
    if power := POWER.fullmatch(unit):
        return 10.0 ** int(power[1])
    found = UNIT.fullmatch(unit)
    if not unit or found is None:
        return None
    scale, flops, days = found["scale"] or "", found["flops"], found["days"]
    if days and not flops:
        return None  # GPU-days, or days
    if scale == unit and scale in "gpezy":
        return None  # models are named 125m or 7b, but a lone small e is no exa
    return SCALES.get(scale.lower(), 1.0) * (DAY if days else 1.0)


def of_measure(name: str) -> tuple[str, float]:
    """The same of a loss or a metric: ("accuracy", 0.01) of "accuracy (%)", 1 of "loss (nats)"."""
    found = MEASURE.fullmatch(name)
    return (found[1], 0.01 if found[2] else 1.0) if found else (name, 1.0)


def of_header(name: str) -> tuple[str, float]:
    """(name without its unit, the unit's factor): ("tokens", 1e9) of "tokens (B)" or "tokens_B"."""
    bracketed = re.fullmatch(r"(.*?)[\s_]*[(\[](.*)[)\]]\s*", name)
    if bracketed and (times := factor(bracketed[2])):
        return bracketed[1], times
    for cut in re.finditer(r"(?<=\w)[ _/,-]+", name):
        times = factor(name[cut.end() :])
        if times and times != 1:
            return name[: cut.start()], times
    return name, 1.0


def read(values: pd.Series, times: float = 1.0, name: str = "table") -> pd.Series:
    """A column as numbers in base units, of which its header's unit has `times`; NaN where blank.

    A cell's own unit ("32M") stands in place of the header's, and a cell that holds no number stays
    as it is. InputError for a comma that may be a decimal one.
    """
    if pd.api.types.is_numeric_dtype(values):
        return values if times == 1 else values * times
    texts = {cell: _plain(cell) for cell in values.unique() if isinstance(cell, str)}
    _check_commas(values, texts, name)
    known = {cell: _number(text.replace(",", ""), times) for cell, text in texts.items()}
    cells = [known.get(cell) if isinstance(cell, str) else _times(cell, times) for cell in values]
    if None not in cells:
        return pd.Series(cells, values.index, float, values.name)
    kept = [was if cell is None else cell for was, cell in zip(values, cells, strict=True)]
    return pd.Series(kept, values.index, object, values.name)


def holds_numbers(values: pd.Series, name: str = "table") -> bool:
    """True where some cell of a column is a number."""
    return bool(pd.to_numeric(read(values, 1.0, name), errors="coerce").notna().any())


def rounded(values: pd.Series, within: float) -> tuple[pd.Series, str]:
    """(values, words): those above 0 that are equal but for the share `within` are one.

    Each becomes the commonest of them, the smallest of equals; "" where none were brought together.
    Values that lie close over a longer stretch are no roundings, and stay.
    """
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    counts = numbers[numbers > 0].value_counts().sort_index()
    value = pd.Series(counts.index, dtype=float)
    near = (value > value.shift() * (1 + within)).cumsum()
    by = value.groupby(near)
    one = near.where(by.transform("max") <= by.transform("min") * (1 + within), -1 - value.index)
    common = value[counts.reset_index(drop=True).groupby(one).transform("idxmax")]
    if one.nunique() == len(one):
        return values, ""
    known = dict(zip(value, common, strict=True))
    return numbers.map(lambda number: known.get(number, number)), f"{one.nunique()} of {len(one)}"


def _plain(text):
    text = TIMES_TEN.sub("e", text.strip())
    return SPACED.sub("", TEN.sub("1e", text))


def _times(value, times):
    return float("nan") if pd.isna(value) else value * times


def _number(text, times):
    """The number of a cell, nan for a blank one, None for one that is no number."""
    if text.lower() in BLANK:
        return float("nan")
    found = NUMBER.fullmatch(text)
    own = found and (factor(found[2]) if found[2] else times)
    return float(found[1]) * own if own else None


def _check_commas(values, texts, name):
    """InputError unless every comma of the column is known to separate thousands."""
    told = {cell: text for cell, text in texts.items() if re.match(r"[+-]?\d*,", text)}
    sure = any(text.count(",") > 1 or "." in text for text in told.values())
    for cell, text in told.items():
        if not (sure and THOUSANDS.match(text)):
            at = values.tolist().index(cell)
            raise InputError(
                f"{name}: row {values.index[at] + 1}: {values.name} is {cell!r}: decimal comma or "
                "thousand separator? expected a decimal point and no separators"
            )
