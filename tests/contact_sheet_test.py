"""The contact sheet says of every file what became of it, with its own pictures."""

import base64
import html.parser
import io
import pathlib
import re

import numpy as np
import pytest
from PIL import Image

from tests import mixed_folder
from tests.clips import read, run
from vdit.data.contact_sheet import cards, page, thumbnails
from vdit.data.video_folder import ingest

FRAMES, SIZE = 9, 32


class Sheet(html.parser.HTMLParser):
    """Cards of a page: {name: {split, kinds, caption, image}}; and every address on it."""

    def __init__(self, text):
        super().__init__()
        self.cards, self.addresses, self._card, self._into = [], [], None, ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.addresses += [attrs[key] for key in ("src", "href", "action") if key in attrs]
        if tag == "li" and "data-split" in attrs:
            self._card = {"split": attrs["data-split"], "kinds": attrs["data-kinds"].split()}
            self._card |= {"caption": "", "h2": "", "image": None}
            self.cards.append(self._card)
        if self._card and tag == "img":
            self._card["image"] = attrs["src"]
        self._into = {"h2": "h2"}.get(tag) or ("caption" if attrs.get("class") == "caption" else "")

    def handle_endtag(self, tag):
        self._into = ""

    def handle_data(self, data):
        if self._card and self._into:
            self._card[self._into] += data


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The mixed folder, prepared: (folder, record, what was said)."""
    root = tmp_path_factory.mktemp("mixed")
    mixed_folder.make(root / "videos")
    return root / "out", run(root / "videos", root / "out", frames=FRAMES, size=SIZE)


def test_every_file_has_a_card_with_what_is_to_be_known_of_it(prepared):
    out, record = prepared
    sheet = Sheet((out / "sheet.html").read_text(encoding="utf-8"))
    found = {card["h2"]: card for card in sheet.cards}
    assert len(sheet.cards) == len(found) == len(record["files"]) == 40
    for name, file in record["files"].items():
        assert found[name]["caption"] == file["caption"]
        assert found[name]["split"] == (file["split"] or "neither")
        assert bool(found[name]["image"]) == (file["windows"] > 0)
    of = {kind: {name for name in found if kind in found[name]["kinds"]} for kind in cards.KINDS}
    assert of["unreadable"] == {"empty.mp4", "no_video.mp4"}
    assert of["part"] == {"cut_short.mkv", "one_lost_packet.mp4"}
    assert of["short"] == {"blink.mp4"}
    assert of["duplicate"] == {"sent/take 1.mp4"}
    assert of["noted"] == {"clear.mkv"}
    assert of["uncaptioned"] == set(mixed_folder.UNCAPTIONED)
    assert {"rate_08.mp4", "loop.gif"} < of["resampled"]
    assert "rate_30.mp4" not in of["resampled"]


def test_the_page_fetches_nothing_and_holds_each_file_s_own_windows(prepared):
    out, _ = prepared
    sheet, rows = Sheet((out / "sheet.html").read_text(encoding="utf-8")), read(out)
    assert sheet.addresses
    assert all(address.startswith("data:image/webp;base64,") for address in sheet.addresses)
    assert not re.search(r"https?:|url\(", (out / "sheet.html").read_text(encoding="utf-8"))
    windows = {
        row["video_id"].decode(): row["video"] for part in rows.values() for row in part[::-1]
    }
    side = SIZE + thumbnails.GAP
    for card in sheet.cards:
        if card["image"]:
            picture = base64.b64decode(card["image"].split(",")[1])
            shown = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(float)
            for column, frame in enumerate((0, FRAMES // 2, FRAMES - 1)):
                tile = shown[:SIZE, column * side :][:, :SIZE]
                off = [np.abs(tile - video[frame]).mean() for video in windows.values()]
                assert list(windows)[np.argmin(off)] == card["h2"], card["h2"]


def record_of(count, **flawed):
    """The record of a folder of so many whole files of one window, some with flaws; its cards."""
    file = {"caption": "x", "frames": 9, "fps": 30.0, "places": [(0, 0, 0)], "split": "train"}
    made = (file | {"name": f"{k:05d}.mp4"} | flawed.get(f"{k:05d}", {}) for k in range(count))
    videos = [ingest.Video(spool=pathlib.Path(), **each) for each in made]
    record = {
        "fingerprint": "0",
        "fps": 30.0,
        "settings": {"fps": 30.0, "frames": 9, "height": 8, "width": 8, "tile": False}
        | {"keep_near_duplicates": False},
        "counts": {"train": {"videos": count, "windows": count}},
        "near_duplicates": {"still": 0, "windows": []},
    }
    return record, cards.Cards(record, videos)


def test_of_many_files_the_first_are_listed_and_those_that_call(monkeypatch):
    monkeypatch.setattr(cards, "FIRST", 5)
    monkeypatch.setattr(cards, "MOST", 2)
    flaws = {f"{k:05d}": {"notes": ["alpha: on black"]} for k in (2, 7, 9, 11)}
    record, every = record_of(20, **flaws, **{"00019": {"caption": ""}})
    listed = cards.listed(every)
    assert [int(card.name[:5]) for card in listed] == [0, 1, 2, 3, 4, 7, 9]
    text = page.of(record, every, listed, {})
    assert "7 of 20 files are listed: the first 5 by name of each split, and up to 2 others" in text
    assert "noted <small>3 of 4</small>" in text
    assert "no caption <small>0 of 1</small>" in text
    assert "7 are without pictures" in text


def test_what_files_say_is_no_markup():
    says = {"caption": "<script>alert(1)</script>", "notes": ["<b>"]}
    record, every = record_of(1, **{"00000": says})
    text = page.of(record, every, list(every), {})
    assert "<script>alert" not in text
    assert "<b>" not in text.replace("<b>noted</b>", "")


def test_pictures_end_where_the_page_is_heavy(prepared, monkeypatch):
    out, record = prepared
    monkeypatch.setattr(thumbnails, "HEAVY", 3000)
    read_whole = ("caption", "split", "windows", "frames", "fps")
    files = record["files"].items()
    listed = [cards.Card(name, *(file[key] for key in read_whole), ()) for name, file in files]
    sprites = thumbnails.of(out, listed, listed)
    assert 3000 <= sum(map(len, sprites.values())) < 3000 + max(map(len, sprites.values())) + 1
    assert list(sprites) == [card.name for card in listed if card.windows][: len(sprites)]
