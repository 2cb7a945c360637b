"""Sources of clips by name: the embedded world, ViZDoom, a prepared folder, any TFDS video set.

A source is random access: `len(source)`; `source[i]` is a dict with `video` uint8 (T, H, W, 3),
`caption` str and `index` int, and of a window of a longer video its `recording` str; it has a
`name` and a `fingerprint` of its content.
"""

import pathlib
from typing import Any, Protocol

from ml_collections import ConfigDict

from vdit.config import buckets, stream
from vdit.data.tfds_source import TfdsSource, clip_shape, import_tfds
from vdit.errors import InputError
from vdit.runs.files import read_json

SPLITS = ("train", "validation")
ENDLESS = ("worlds", "doom")  # made as they are asked for, as many as one wants
HELD_OUT = 10  # percent of a set that has no validation or test split


class Source(Protocol):
    """Random access to captioned clips."""

    name: str
    fingerprint: str

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> dict[str, Any]: ...


def open_source(data: Any, split: str) -> Source:
    """Opens `data` (the config's `data`) for "train" or "validation".

    `data.train_clips` and `data.validation_clips` are lengths of what has no end, and upper bounds
    for the others (evenly spread over the set; 0: all). Raises `InputError` for an unknown name, a
    missing or unfit folder, videos with fewer frames than `data.num_frames`, and `data.epochs` of
    a set that has an end, or one captioned anew.
    """
    if split not in SPLITS:
        raise InputError(f"split {split!r}: expected one of {', '.join(SPLITS)}")
    openers = {"worlds": _open_worlds, "doom": _open_doom, "video_folder": _open_folder}
    source = openers.get(data.name, _open_tfds)(data, split)
    if (epochs := stream.epochs_of(data)) and data.name not in ENDLESS:
        raise InputError(f"data.epochs={epochs}: expected 0, for {data.name} has an end")
    captions = data.get("captions") if split == "train" else ""
    if captions and epochs:
        raise InputError(f"data.epochs={epochs} with data.captions={captions}: expected 0, one set")
    return _embedded(data, _recaptioned(data, source) if captions else source)


def _embedded(data: Any, source: Source) -> Source:
    """With the embeddings of the folder `data.embeddings`, if any."""
    if not data.get("embeddings"):
        return source
    from vdit.data.embeddings.folder import Embedded

    return Embedded(source, data)


def _recaptioned(data: Any, source: Source) -> Source:
    """With the captions of the folder `data.captions`, which has one for each clip of the set."""
    from vdit.data.recaptioned import Recaptioned, all_clips

    clips_of = open_source(all_clips(data), "train").fingerprint
    own, *beside = (pathlib.Path(data.captions) / name for name in buckets.clips_of(data) or [""])
    return Recaptioned(source, own, clips_of, beside)


def open_images(data: Any) -> Source:
    """The pictures of `data.images`, a folder of windows of one frame, as clips: all of its
    train split."""
    size = {"height": data.height, "width": data.width}
    own = {"name": "video_folder", "dir": data.images, "num_frames": 1, "train_clips": 0}
    return _embedded(data, _open_folder(ConfigDict(own | size), "train", "data.images"))


def _open_worlds(data: Any, split: str) -> Source:
    from vdit.data.worlds import Worlds

    return Worlds(**_clips(data, split), **(data.get("world") or {}))


def _open_doom(data: Any, split: str) -> Source:
    from vdit.data.doom.source import Doom

    return Doom(**_clips(data, split))


def _clips(data: Any, split: str) -> dict[str, Any]:
    size = {key: data[key] for key in ("num_frames", "height", "width")}
    return {"length": data[f"{split}_clips"], "split": split, "seed": data.seed} | size


def _open_folder(data: Any, split: str, key: str = "data.dir") -> TfdsSource:
    tfds = import_tfds()
    index = buckets.read_index(data.dir)
    path = folder_of(data) / "vdit.json"
    if not data.dir or not path.is_file():
        raise InputError(
            f"{key} {str(data.dir or '')!r}: no prepared folder; make one with python -m "
            f"vdit.prepare --videos VIDEOS --out {data.dir or 'DIR'} --frames {data.num_frames} "
            f"--size {data.height}x{data.width}"
        )
    record = read_json(path, "what vdit.prepare wrote")
    there = tuple(record["settings"][key] for key in ("frames", "height", "width"))
    if there != clip_shape(data):
        raise InputError(
            f"{key} {data.dir}: windows of {_by(there)} (frames x height x width), "
            f"the config asks {_by(clip_shape(data))}"
        )
    rows = tfds.builder_from_directory(path.parent).as_data_source(split)
    identity = [record["fingerprint"], split] + ([index["fingerprint"]] if index else [])
    return TfdsSource(data, split, rows, identity)


def folder_of(data: Any) -> pathlib.Path:
    """Where the windows of a config's shape are: `data.dir`, or the bucket in it; `InputError`
    where no bucket is of that shape."""
    own = next(iter(buckets.clips_of(data)), "") if buckets.read_index(data.dir) else ""
    return pathlib.Path(data.dir or "") / own


def fps_of(data: Any) -> float | None:
    """Frames a second of the clips of a prepared folder; None where the data do not say."""
    if data.name != "video_folder":
        return None
    return read_json(folder_of(data) / "vdit.json", "what vdit.prepare wrote").get("fps")


def _open_tfds(data: Any, split: str) -> TfdsSource:
    tfds = import_tfds()
    where = {"data_dir": data.get("dir") or None, "download": False}
    folder = where["data_dir"] or "~/tensorflow_datasets"
    try:
        splits = {key: len(rows) for key, rows in tfds.data_source(data.name, **where).items()}
    except (AssertionError, NotImplementedError):  # not prepared; not random access
        splits = {}
    except ValueError as error:
        raise InputError(
            f"data.name {data.name!r}: expected worlds, doom, video_folder or the name of a TFDS "
            f"video set under data.dir ({folder})"
        ) from error
    if not splits:
        raise InputError(
            f"data.name {data.name!r}: not under data.dir ({folder}) as ArrayRecord; prepare it "
            "first with tfds, file_format='array_record'"
        )
    part = _tfds_split(data.name, splits, split)
    rows = tfds.data_source(data.name, split=part, **where)
    info = rows.dataset_info
    counts = {name: info.splits[name].num_examples for name in sorted(info.splits)}
    return TfdsSource(data, split, rows, [info.full_name, part, counts])


def _tfds_split(name: str, splits: dict[str, int], wanted: str) -> str:
    """The TFDS split: validation or test held out, else the last tenth of train (or of all), and
    at least one clip; `splits` has the clips of each."""
    held = next((split for split in ("validation", "test") if split in splits), None)
    if "train" in splits and held:
        return "train" if wanted == "train" else held
    if "train" not in splits and len(splits) != 1:
        raise InputError(f"data.name {name!r}: no split train among {', '.join(splits)}")
    whole = "train" if "train" in splits else next(iter(splits))
    if (clips := splits[whole]) < 2:
        raise InputError(f"data.name {name!r}: {clips} clip in {whole}, holding out one takes two")
    few = clips * HELD_OUT < 50  # TFDS rounds less than half a clip to none
    cut = f"{clips - 1}" if few else f"{100 - HELD_OUT}%"
    return f"{whole}[:{cut}]" if wanted == "train" else f"{whole}[{cut}:]"


def _by(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
