"""Videos of the runs as data URIs: the same captions and noises at growing compute."""

import base64
import sys

from vdit.runs.files import DamagedFileError, find_json, require

MOST = 6  # captions shown
KINDS = {".webp": "image/webp", ".png": "image/png", ".gif": "image/gif"}


def data_uri(path):
    """The file as a data URI."""
    kind = KINDS[path.suffix]
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def samples_folder(root, run_id):
    """The folder of a run's samples below `root`, or None."""
    usual = root / "runs" / run_id / "samples"
    if usual.is_dir():
        return usual
    return next((path for path in root.rglob(f"{run_id}/samples") if path.is_dir()), None)


def side_by_side(root, picks):
    """Rows of {"caption", "cells": [(name, data URI or None)]} for picked runs and the real clip.

    `picks` is a list of (name, run_id). Empty when no picked run has samples.
    """
    folders = [(name, samples_folder(root, run_id)) for name, run_id in picks]
    folders = [(name, folder) for name, folder in folders if folder is not None]
    if not folders:
        return []
    captions = _captions(folders[-1][1])
    rows = []
    for index in range(MOST):
        cells = [(name, _video(folder, f"final_{index:02d}")) for name, folder in folders]
        if not any(uri for _, uri in cells):
            break
        real = next((u for _, f in folders if (u := _video(f, f"real_{index:02d}"))), None)
        caption = captions[index] if index < len(captions) else ""
        rows.append({"caption": caption, "cells": [*cells, ("real", real)]})
    return rows


def _captions(folder):
    def check(found):
        require(found, {"captions": list})

    try:
        found = find_json(folder / "samples.json", "the captions of samples", check)
    except DamagedFileError as error:
        print(f"{error}; left out", file=sys.stderr)
        return []
    return found["captions"] if found else []


def _video(folder, stem):
    found = [p for p in (folder / f"{stem}{suffix}" for suffix in KINDS) if p.is_file()]
    return data_uri(found[0]) if found else None
