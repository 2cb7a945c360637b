"""Each published number beside ours: the ratio, the verdict, and the same in true FLOPs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from analysis.costs import digits
from analysis.costs.chain import evaluate

if TYPE_CHECKING:
    from analysis.costs.chain import Quantity

GIVEN, AGREES, SLIP, DIFFERS, CHANGED = "given", "agrees", "slip", "differs", "changed"


def rows(
    sections: "Mapping[str, Sequence[Quantity]]",
    true: Mapping[str, float],
    settings: Mapping[str, float] | None = None,
) -> list[dict[str, str]]:
    """[dict] of a row per quantity, in order; `true` are the settings of the corrected reading.

    `verdict` of a published number: "given" (an input), "agrees" (ours, rounded to the digits
    printed, is what was printed), "slip" (it does not, for the reason in `why`), "differs", or
    "changed" (a setting changes it); None where nothing was printed.
    """
    chain = tuple(q for quantities in sections.values() for q in quantities)
    published, ours = evaluate(chain), evaluate(chain, settings)
    right = evaluate(chain, true | (settings or {}))
    return [
        _row(section, q, published[q.name], ours[q.name], right[q.name])
        for section, quantities in sections.items()
        for q in quantities
    ]


def _row(section, q, before, ours, right):
    printed = float(digits.read(q.published)) if q.published else None
    return {
        "section": section,
        "name": q.name,
        "words": q.words,
        "unit": q.unit,
        "formula": q.formula,
        "source": q.source,
        "published": q.published,
        "ours": ours,
        "ratio": ours / printed if printed else None,
        "verdict": _verdict(q, before, ours) if printed else None,
        "why": q.slip,
        "true_flops": right,
        "change": right / ours,
    }


def _verdict(q, before, ours):
    if ours != before:
        return CHANGED
    if not q.formula:
        return GIVEN
    if digits.agrees(ours, q.published):
        return AGREES
    return SLIP if q.slip else DIFFERS
