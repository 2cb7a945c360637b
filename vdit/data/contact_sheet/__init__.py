"""The contact sheet of a prepared folder: its files at a glance, on one page of its own."""

import pathlib

from vdit.data.contact_sheet import cards, page, thumbnails
from vdit.runs.files import read_json, write_text

FILE = "sheet.html"


def write(folder: pathlib.Path) -> None:
    """Writes `sheet.html` into a folder that `vdit.prepare` has made, of what lies in it.

    Its bytes depend on the folder's content alone.
    """
    record = read_json(folder / "vdit.json", "what vdit.prepare wrote")
    every = cards.of(record)
    listed = cards.listed(every)
    sprites = thumbnails.of(folder, listed, record["files"])
    write_text(folder / FILE, page.of(record, every, listed, sprites))
