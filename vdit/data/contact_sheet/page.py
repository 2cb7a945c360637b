"""The contact sheet as HTML: one document that fetches nothing, and works without its script but
for the filters."""

import collections
import html
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from vdit.data.contact_sheet import cards as listing
from vdit.data.contact_sheet import look
from vdit.data.contact_sheet.cards import KINDS, Card
from vdit.data.contact_sheet.thumbnails import WINDOWS, data_uri
from vdit.data.video_folder import report

SPLITS = {"train": "train", "validation": "validation", "": "in neither"}


def of(
    record: Mapping[str, Any],
    every: Collection[Card],
    listed: Sequence[Card],
    sprites: Mapping[str, bytes],
) -> str:
    """The page of a record: all cards' numbers, and the listed cards with their pictures."""
    body = [
        f"<header>\n<h1>Contact sheet</h1>\n<p>{_text(report.summary(record))}.</p>",
        f'<p class="sub">{_text(_how(record, every, listed, sprites))}</p>\n</header>',
        _filters(every, listed),
        '<main>\n<ul id="cards">',
        *(_card(card, sprites.get(card.name)) for card in listed),
        '</ul>\n<p id="none" hidden>No listed file is so.</p>\n</main>',
    ]
    return look.document("Contact sheet", "\n".join(body))


def _text(text: object) -> str:
    return html.escape(str(text), quote=True)


def _how(
    record: Mapping[str, Any],
    every: Collection[Card],
    listed: Sequence[Card],
    sprites: Mapping[str, bytes],
) -> str:
    """How to read the page, and what it leaves out."""
    kind = "window, a tile of the picture" if record["settings"]["tile"] else "window"
    words = (
        f"Each row of pictures is one {kind}: its first, middle and last frame, as a model sees "
        f"them; of each file its first {WINDOWS} windows."
    )
    if len(listed) < len(every):
        words += (
            f" {len(listed):,} of {len(every):,} files are listed: the first {listing.FIRST} by "
            f"name of each split, and up to {listing.MOST:,} others of which more is to be known "
            "than their rate or that they lack a caption."
        )
    if bare := sum(card.windows > 0 and card.name not in sprites for card in listed):
        words += f" {bare:,} are without pictures, to keep the page light."
    return words


def _filters(every: Collection[Card], listed: Sequence[Card]) -> str:
    """Text, split and remarks; "of" says how many files there are where not all are listed."""

    here, there = _counts(listed), _counts(every)

    def count(key):
        return f"{here[key]:,}" if here[key] == there[key] else f"{here[key]:,} of {there[key]:,}"

    splits = {"all": "all"} | {split or "neither": words for split, words in SPLITS.items()}
    radios = [
        _choice("radio", "split", split, words, count(split), split == "all")
        for split, words in splits.items()
    ]
    boxes = [
        _choice("checkbox", "kind", kind, KINDS[kind].words, count(kind))
        for kind in KINDS
        if there[kind]
    ]
    marks = f"<fieldset><legend>Remarks</legend>{''.join(boxes)}</fieldset>" if boxes else ""
    return (
        '<form id="filters" role="search">\n<input type="search" id="words" '
        'placeholder="Name, caption or remark" aria-label="Name, caption or remark">\n'
        f"<fieldset><legend>Split</legend>{''.join(radios)}</fieldset>\n{marks}\n"
        f'<output id="count" aria-live="polite">{len(listed):,} files</output>\n</form>'
    )


def _counts(cards: Iterable[Card]) -> collections.Counter[str]:
    """How many cards there are, of each split, and with each kind of remark."""
    found = collections.Counter()
    for card in cards:
        found.update(["all", card.split or "neither", *{mark.kind for mark in card.remarks}])
    return found


def _choice(
    type_: str, name: str, value: str, words: str, count: str, checked: bool = False
) -> str:
    on = " checked" if checked else ""
    return (
        f'<label><input type="{type_}" name="{name}" value="{value}"{on}>'
        f"<span>{words} <small>{count}</small></span></label>"
    )


def _card(card: Card, sprite: bytes | None) -> str:
    kinds = " ".join(sorted({remark.kind for remark in card.remarks}))
    picture = '<div class="bare">no picture</div>' if card.windows else ""
    if sprite:
        alt = _text(f"first windows of {card.name}")
        picture = f'<img loading="lazy" decoding="async" src="{data_uri(sprite)}" alt="{alt}">'
    caption = f'<p class="caption" dir="auto">{_text(card.caption)}</p>' if card.caption else ""
    return (
        f'<li data-split="{card.split or "neither"}" data-kinds="{kinds}">{picture}<div>'
        f'<h2 dir="auto">{_text(card.name)}</h2>{caption}<p class="facts">{_facts(card)}</p>'
        f"{_marks(card)}</div></li>"
    )


def _facts(card: Card) -> str:
    facts = [
        f'<b class="{card.split}">{card.split}</b>' if card.split else "",
        f"{card.windows:,} window{'s' * (card.windows != 1)}" if card.windows else "",
        f"{card.frames:,} frame{'s' * (card.frames != 1)}",
        f"{card.fps:.3g} fps" if card.fps else "",
    ]
    return " · ".join(f"<span>{fact}</span>" for fact in facts if fact)


def _marks(card: Card) -> str:
    marks = [
        f'<li class="{remark.kind}"><b>{KINDS[remark.kind].words}</b> {_text(remark.text)}</li>'
        for remark in card.remarks
    ]
    return f'<ul class="marks">{"".join(marks)}</ul>' if marks else ""
