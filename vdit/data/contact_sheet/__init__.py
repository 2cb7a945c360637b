"""The contact sheet of a prepared folder: its files at a glance, on one page of its own."""

import pathlib
from collections.abc import Collection, Mapping
from typing import Any

from vdit.data.contact_sheet import cards, page, thumbnails
from vdit.data.video_folder.ingest import Video
from vdit.runs.files import write_text

FILE = "sheet.html"


def write(folder: pathlib.Path, record: Mapping[str, Any], videos: Collection[Video]) -> None:
    """Writes `sheet.html` into a folder that `vdit.prepare` has made: what `vdit.json` says of all
    (`record`) and of each of the videos, which are never all in memory.

    Its bytes depend on the folder's content alone.
    """
    every = cards.Cards(record, videos)
    listed = cards.listed(every)
    sprites = thumbnails.of(folder, listed, every)
    write_text(folder / FILE, page.of(record, every, listed, sprites))
