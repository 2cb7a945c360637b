"""Each number beside what was published of it: ratio, verdict, and the same in true FLOPs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from analysis.costs import digits
from analysis.costs.chain import Quantity, evaluate

GIVEN, AGREES, SLIP, DIFFERS, CHANGED = "given", "agrees", "slip", "differs", "changed"


@dataclass(frozen=True)
class Row:
    """A quantity as published, if it was, and as we have it; `change` is `true_flops` over `ours`.

    `verdict`: "given" (an input), "agrees" (ours, rounded to the digits printed, is what was
    printed), "slip" (it does not, for the reason in `why`), "differs", or "changed" (a setting
    changes it); None, like `ratio`, where nothing was printed.
    """

    section: str
    name: str
    words: str
    unit: str
    formula: str
    source: str
    published: str
    ours: float
    ratio: float | None
    verdict: str | None
    why: str
    true_flops: float
    change: float
    WRITTEN: ClassVar = ("value",)

    @property
    def value(self) -> float:
        """The number to go by."""
        return self.true_flops


def rows(
    sections: Mapping[str, Sequence[Quantity]],
    true: Mapping[str, float],
    settings: Mapping[str, float] | None = None,
) -> list[Row]:
    """A row per quantity, in order; `true` are the settings of the corrected reading."""
    chain, settings = (
        tuple(q for quantities in sections.values() for q in quantities),
        settings or {},
    )
    published, ours = evaluate(chain), evaluate(chain, settings)
    right = evaluate(chain, true | settings)
    return [
        _row(section, q, q.name in settings, published[q.name], ours[q.name], right[q.name])
        for section, quantities in sections.items()
        for q in quantities
    ]


def _row(section, q, is_set, before, ours, right):
    printed = float(digits.read(q.published)) if q.published else None
    return Row(
        section=section,
        name=q.name,
        words=q.words,
        unit=q.unit,
        formula=q.formula,
        source="--set" if is_set else q.source,
        published=q.published,
        ours=ours,
        ratio=ours / printed if printed else None,
        verdict=_verdict(q, before, ours) if printed else None,
        why=q.slip,
        true_flops=right,
        change=right / ours,
    )


def _verdict(q, before, ours):
    if ours != before:
        return CHANGED
    if not q.formula:
        return GIVEN
    if digits.agrees(ours, q.published):
        return AGREES
    return SLIP if q.slip else DIFFERS
