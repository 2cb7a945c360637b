"""Clips in one NumPy file, DIR/videos.npy, their captions in DIR/captions.txt, a line each."""

import hashlib
import pathlib
from typing import Any

import numpy as np

from vdit.errors import InputError


class Npy:
    """npy[i] -> {"video": uint8 (T, H, W, 3), "caption": str, "index": i}; each tenth clip is of
    the validation split. Raises `InputError` for files that do not fit the config's `data`."""

    name = "npy"

    def __init__(self, data: Any, split: str):
        folder = pathlib.Path(data.dir)
        if not (folder / "videos.npy").is_file():
            raise InputError(f"data.dir {data.dir}: expected videos.npy and captions.txt there")
        self._videos = np.load(folder / "videos.npy", mmap_mode="r")
        self._captions = (folder / "captions.txt").read_text(encoding="utf-8").splitlines()
        asked = (len(self._captions), data.num_frames, data.height, data.width, 3)
        if self._videos.shape != asked or self._videos.dtype != np.uint8:
            found = f"{self._videos.dtype} {self._videos.shape}"
            raise InputError(f"{folder}/videos.npy: {found}, expected uint8 {asked}")
        held_out = np.arange(len(self._videos)) % 10 == 9
        self._indices = np.flatnonzero(held_out == (split == "validation"))
        content = hashlib.sha256(self._videos.tobytes() + "\n".join(self._captions).encode())
        self.fingerprint = f"{content.hexdigest()[:12]}-{split}"

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> dict[str, Any]:
        i = self._indices[index]
        return {"video": self._videos[i], "caption": self._captions[i], "index": index}
