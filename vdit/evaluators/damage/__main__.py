"""Do scores answer to damage? Clips are damaged by known amounts and scored.

  python -m vdit.evaluators.damage --out answers.csv
  python -m vdit.evaluators.damage --data worlds --data DIR --autoencoder RUN --lpips DIR \
      --out x.csv

Of the embedded world, or of folders that `python -m vdit.prepare --frames 9 --size 64` made: blur,
noise, JPEG, H.264, warping, frames shuffled or frozen, clips that go on as another one. Half of the
clips are damaged and held against the other half. `python -m analysis.sensitivity answers.csv` says
which scores see what, and draws it.
"""

import argparse
import dataclasses
import pathlib
from collections.abc import Iterator

import numpy as np

from vdit import errors
from vdit.errors import InputError
from vdit.runs.files import write_text

WORLDS = "worlds"
SIZE = 64  # px of a clip's sides
LEAST = 64  # clips: 32 in either half, two for each block that the errors leave out


def main() -> int:
    """Damages, scores and writes the table, one data set after another."""
    args = _parser().parse_args()
    if args.clips < LEAST:
        raise InputError(f"--clips {args.clips}: expected {LEAST} or more")
    from vdit.evaluators.damage.answers import answers
    from vdit.evaluators.features import find
    from vdit.evaluators.frames import perceptual
    from vdit.runs.tables import as_csv

    shown = [find("image_means"), find("image_changes")]
    folders = [None] if args.lpips is None else [None, args.lpips]
    of_pairs = [perceptual.find(folder=folder) for folder in folders]
    rows = []
    for name, videos in _videos(args):
        own = [*shown, *_of_worlds(args.autoencoder)] if name == WORLDS else shown
        rows += answers(name, videos, own, of_pairs, args.seed)
        print(f"{name}: {len(videos)} clips", flush=True)
        write_text(args.out, as_csv([_short(dataclasses.asdict(row)) for row in rows]))
    return 0


def _short(row: dict) -> dict:
    return {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()}


def _videos(args: argparse.Namespace) -> Iterator[tuple[str, np.ndarray]]:
    from ml_collections import ConfigDict

    from vdit.data.sources import open_source
    from vdit.evaluators.damage.kinds import FRAMES

    shape = {"num_frames": FRAMES, "height": SIZE, "width": SIZE, "train_clips": args.clips}
    names = args.data or [WORLDS]
    if len({pathlib.Path(name).name for name in names}) < len(names):
        raise InputError(f"--data {' '.join(names)}: expected folders of different names")
    for name in names:
        folder = {"name": "video_folder", "dir": name}
        data = {"name": WORLDS, "seed": args.seed} if name == WORLDS else folder
        source = open_source(ConfigDict(shape | data | {"epochs": 0}), "train")
        if len(source) < args.clips:
            raise InputError(f"{name}: {len(source)} clips, expected {args.clips}")
        clips = np.stack([source[i]["video"] for i in range(args.clips)])
        yield pathlib.Path(name).name, clips


def _of_worlds(autoencoder: pathlib.Path | None) -> list:
    from ml_collections import ConfigDict

    from vdit.autoencoders.load import load_autoencoder
    from vdit.evaluators.features import find

    if autoencoder is None:
        return [find("tracks")]
    config = ConfigDict({"name": "causal", "dir": str(autoencoder)})
    return [find("tracks"), find("latents", autoencoder=load_autoencoder(config))]


def _parser() -> argparse.ArgumentParser:
    parser = errors.parser("vdit.evaluators.damage", __doc__)
    path, add = pathlib.Path, parser.add_argument
    add("--out", type=path, required=True, help="table to write (CSV)")
    add("--data", action="append", help="worlds (the default) or a prepared folder; repeat it")
    add("--autoencoder", type=path, help="run folder of the embedded world's: scores its latents")
    add("--lpips", type=path, help="folder with SqueezeNet and LPIPS' heads")
    add("--clips", type=int, default=LEAST, help=f"of each data set ({LEAST})")
    add("--seed", type=int, default=0, help="of the world and of what is drawn (0)")
    return parser


if __name__ == "__main__":
    errors.run(main)
