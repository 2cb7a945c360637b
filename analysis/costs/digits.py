"""Numbers as people print them: read, rounded to the digits printed, and shown beside."""

import re
from decimal import ROUND_HALF_UP, Decimal

PRINTED = re.compile(r"(?P<number>[\d,]+(?:\.(?P<decimals>\d+))?)(?P<power>e\d+| [kM])?")
POWERS = {" k": "e3", " M": "e6", None: ""}


def read(printed: str) -> Decimal:
    """A number as printed, exactly: "4,211", "15.3 M", "1.1e25"; ValueError if it is none."""
    match = PRINTED.fullmatch(printed)
    if not match:
        raise ValueError(f"{printed!r} is not a printed number, e.g. 4,211 or 15.3 M or 1.1e25")
    power = match["power"]
    return Decimal(match["number"].replace(",", "") + POWERS.get(power, power))


def agrees(value: float, printed: str) -> bool:
    """Whether `value`, rounded to the digits of `printed`, is what was printed."""
    published = read(printed)
    return Decimal(repr(float(value))).quantize(published, ROUND_HALF_UP) == published


def to_digits(value: float, digits: int) -> float:
    """`value` rounded half up to so many significant digits, as one does by hand."""
    exact = Decimal(repr(float(value)))
    return float(exact.quantize(Decimal((0, (1,), exact.adjusted() - digits + 1)), ROUND_HALF_UP))


def beside(value: float, printed: str, more: int = 2) -> str:
    """`value` in the units of `printed`, with so many digits more."""
    match = PRINTED.fullmatch(printed)
    power = match["power"] or ""
    unit = float("1" + POWERS.get(match["power"], power))
    return f"{float(value) / unit:,.{len(match['decimals'] or '') + more}f}{power}"
