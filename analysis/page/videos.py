"""The wall of videos: rows of captions, columns of compute, from the same noises.

A still stands until the pointer, or a tap, is on it; then the video plays. No script.
"""

import base64
import io
import pathlib
import sys
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image

from analysis.page import elements
from vdit.runs.files import DamagedFileError, find_json, require

MOST = 6  # captions shown
HEAVY = 3_000_000  # bytes of videos from which no further caption is shown: phones open the page
KINDS = {".webp": "image/webp", ".png": "image/png", ".gif": "image/gif"}


class Cell(NamedTuple):
    """A video as data URIs: its first frame, and all of it (the same where it does not move)."""

    still: str
    moving: str


class Row(NamedTuple):
    """A caption and (name, Cell or None) of each column."""

    caption: str
    cells: list[tuple[str, Cell | None]]


def section(root: pathlib.Path, picks: Sequence[tuple[str, str]]) -> str:
    """Videos of the picked runs, (name, run_id) each, side by side with the real clip."""
    shown, left_out = wall(root, picks)
    if not shown:
        none = "<p>No samples were found beside the runs.</p>"
        return elements.section("videos", "The videos", none)
    names = [name for name, _ in shown[0].cells]
    cells = [f'<div class="head">{elements.escape(name)}</div>' for name in names]
    for row in shown:
        cells.append(f'<div class="caption">{elements.escape(row.caption or "(no caption)")}</div>')
        cells += [_cell(name, row.caption, cell) for name, cell in row.cells]
    style = f"grid-template-columns:repeat({len(names)},minmax(64px,1fr))"
    fewer = f" {left_out} more captions were left out to keep the page light." if left_out else ""
    return elements.section(
        "videos",
        "The same caption and noise at growing compute",
        f'<div class="scroll"><div class="videos" style="{style}">{"".join(cells)}</div></div>',
        elements.read(
            "Each row is one caption of a held-out clip. A video plays while the pointer is on it, "
            "or at a tap. The models started from the same noise; only the training compute "
            "differs. The last column is the real clip: a good video shows the same kind of scene, "
            "not the same scene." + fewer
        ),
    )


def wall(root: pathlib.Path, picks: Sequence[tuple[str, str]]) -> tuple[list[Row], int]:
    """The rows, and how many more would be too heavy; no rows where no run has samples."""
    folders = [(name, samples_folder(root, run_id)) for name, run_id in picks]
    folders = [(name, folder) for name, folder in folders if folder is not None]
    if not folders:
        return [], 0
    texts, rows, weight = captions(folders[-1][1]), [], 0
    for index in range(MOST):
        cells = [(name, _video(folder, f"final_{index:02d}")) for name, folder in folders]
        if not any(cell for _, cell in cells):
            continue
        real = (_video(folder, f"real_{index:02d}") for _, folder in folders)
        cells.append(("real", next((cell for cell in real if cell), None)))
        weight += sum(len(cell.still) + len(cell.moving) for _, cell in cells if cell)
        rows.append(Row(texts[index] if index < len(texts) else "", cells))
        if weight > HEAVY:
            return rows, max(min(MOST, len(texts)) - len(rows), 0)
    return rows, 0


def samples_folder(root: pathlib.Path, run_id: str) -> pathlib.Path | None:
    """The folder of a run's samples below `root`, or None."""
    usual = root / "runs" / run_id / "samples"
    if usual.is_dir():
        return usual
    return next((path for path in root.rglob(f"{run_id}/samples") if path.is_dir()), None)


def _cell(name, caption, cell):
    if cell is None:
        return "<div></div>"
    words = elements.escape(f"{name}: {caption}")
    return (
        f'<div class="cell" tabindex="0"><img src="{cell.still}" alt="{words}">'
        f'<img class="moving" src="{cell.moving}" alt=""></div>'
    )


def captions(folder: pathlib.Path) -> list[str]:
    """Of the samples in a folder, in their order; none where the file of them is damaged."""

    def check(found):
        require(found, {"captions": list})

    try:
        found = find_json(folder / "samples.json", "the captions of samples", check)
    except DamagedFileError as error:
        print(f"{error}; left out", file=sys.stderr)
        return []
    return found["captions"] if found else []


def _video(folder, stem):
    found = next((p for p in (folder / f"{stem}{suffix}" for suffix in KINDS) if p.is_file()), None)
    if found is None:
        return None
    whole = found.read_bytes()
    try:
        still = _first_frame(whole)
    except OSError as error:  # Pillow's too, of what is no picture
        print(f"{found}: damaged ({error}); left out", file=sys.stderr)
        return None
    return Cell(_data_uri(still, ".png"), _data_uri(whole, found.suffix))


def _first_frame(whole):
    """PNG bytes."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(whole)) as image:
        image.convert("RGB").save(out, "png")
    return out.getvalue()


def _data_uri(content, suffix):
    return f"data:{KINDS[suffix]};base64,{base64.b64encode(content).decode('ascii')}"
