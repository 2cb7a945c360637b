"""What is asked of `vdit.prepare`."""

import dataclasses
import pathlib


@dataclasses.dataclass(frozen=True)
class Request:
    """The command's flags. A `hop` of None is a window's span."""

    videos: pathlib.Path
    out: pathlib.Path
    frames: int
    size: tuple[int, int]
    captions: str | None = None  # a table's path, "sidecars", "none"; None: what is there
    caption_column: str | None = None
    file_column: str | None = None
    labels: str | None = None  # or "folder"
    stride: int = 1
    fps: float | None = None  # the rate that most files have
    hop: int | None = None
    tile: str = "never"  # or "always", "auto"
    validation: float = 0.1
    max_bad: float = 0.05
    seed: int = 0
    groups: str | None = None  # a column of the captions, or a regular expression
    split: pathlib.Path | None = None
    keep_near_duplicates: bool = False
    only: tuple[str, ...] | None = None  # of a bucket: its files, others are passed over
    pictures: bool = False  # pictures are videos of one frame, whatever `frames` says

    @property
    def takes_pictures(self) -> bool:
        """So does who asks for videos of one frame."""
        return self.pictures or self.frames == 1
