"""From cutting to writing: the split, slices compared with validation, and what is decided."""

import pathlib
from typing import Any

from vdit.data.video_folder import decisions, units
from vdit.data.video_folder.decisions import Decided
from vdit.data.video_folder.near_duplicates import Held
from vdit.data.video_folder.progress import progress
from vdit.data.video_folder.request import Request
from vdit.data.video_folder.slices import Cut


def decide(asked: Request, cut: Cut, place: pathlib.Path) -> Decided:
    """Shares the steps with others. Raises `InputError` for what can't be split as asked."""
    split = units.one(place, "split", lambda path: decisions.split(cut, asked, path))
    held = Held(place / "split" / "split", split["moving"])
    names = cut.plan.slices if held.places else []
    _compare(held, Decided(cut, split), names, place)

    def write(_: pathlib.Path) -> dict[str, Any]:
        likes = (units.result(place / "compare", name)["like"] for name in names)
        return decisions.decide(cut, split, held.found(likes, cut))

    return Decided(cut, units.one(place, "decide", write))


def _compare(held: Held, videos: Decided, names: list[str], place: pathlib.Path) -> None:
    """Finds what videos of each slice validation is like."""
    plan = videos.plan

    def compare(name: str, _: pathlib.Path) -> dict[str, Any]:
        first = plan.first(name)
        there = videos.part(first, first + plan.count(name))
        return {"like": held.compare(there, plan.settings)}

    with progress(None, "comparing", "file", len(plan)) as bar:
        units.share(place / "compare", names, compare, lambda name: bar.update(plan.count(name)))
