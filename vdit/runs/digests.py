"""Digests of a folder's files, beside them: what lies there is what was written.

Of files, not of arrays, so that a reader on any mesh, or without JAX, can check. SHA-256 takes 0.6
s a GiB on one core with the instructions for it.
"""

import concurrent.futures
import hashlib
import os
import pathlib
from collections.abc import Iterable

from vdit.runs.files import DamagedFileError, find_json, write_json

FILE = "digests.json"
WHAT = "SHA-256 of the files beside it"


def write(folder: str | os.PathLike, names: Iterable[str] | None = None) -> None:
    """Writes FOLDER/digests.json: of all files below the folder, or anew of those named."""
    folder = pathlib.Path(folder)
    before = {} if names is None else find_json(folder / FILE, WHAT) or {}
    chosen = files(folder) if names is None else list(names)
    write_json(folder / FILE, before | _digests(folder, chosen))


def damaged(folder: str | os.PathLike) -> list[str]:
    """Files that are missing or not the bytes that were written; none where there are no digests.

    Raises `DamagedFileError` where the digests themselves cannot be read.
    """
    folder = pathlib.Path(folder)
    expected = find_json(folder / FILE, WHAT) or {}
    found = _digests(folder, [name for name in expected if (folder / name).is_file()])
    return [name for name, digest in expected.items() if found.get(name) != digest]


def check(folder: str | os.PathLike) -> bool:
    """Whether the folder has digests, and then all files are as they say; a folder that older code
    wrote has none. Raises `DamagedFileError` naming the first file that is not."""
    for name in damaged(folder):
        raise DamagedFileError(f"{pathlib.Path(folder, name)}: damaged or missing")
    return (pathlib.Path(folder) / FILE).exists()


def files(folder: pathlib.Path) -> list[str]:
    """All files below a folder but the digests, by their paths in it."""
    found = (p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    return sorted(name for name in found if name != FILE)


def _digests(folder: pathlib.Path, names: Iterable[str]) -> dict[str, str]:
    names = list(names)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(names, pool.map(lambda name: _digest(folder / name), names), strict=True))


def _digest(path: pathlib.Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
