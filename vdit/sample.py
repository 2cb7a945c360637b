"""A checkpoint to a video.

python -m vdit.sample --workdir runs/s --out x.mp4 --prompt "a small red circle moves left"
"""

import argparse
import json
import pathlib
import sys

from vdit import cli
from vdit.errors import InputError


def parse_args(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m vdit.sample", description=__doc__.split("\n")[0])
    parser.add_argument("--workdir", required=True, help="folder of a run of vdit.main")
    parser.add_argument("--out", required=True, help="video to write: .mp4, .webp or .gif")
    parser.add_argument("--prompt", default="", help="caption; empty for none")
    parser.add_argument("--steps", type=int, help="sampling steps (the run's own by default)")
    parser.add_argument("--guidance", type=float, help="1 is none (the run's own by default)")
    parser.add_argument("--method", help="euler or heun (the run's own by default)")
    parser.add_argument("--seed", type=int, default=0, help="fixes the noise")
    parser.add_argument("--step", type=int, help="checkpoint to read (the last by default)")
    return parser.parse_args(argv)


def open_run(workdir: str):
    """(config, task) of a run folder; `InputError` where none lies there."""
    from ml_collections import ConfigDict

    from vdit.tasks import make_task

    path = pathlib.Path(workdir) / "config.json"
    if not path.exists():
        raise InputError(f"{workdir}: expected the folder of a run (no config.json there)")
    config = ConfigDict(json.loads(path.read_text()))
    return config, make_task(config)


def main() -> int:
    args = parse_args(sys.argv[1:])
    from vdit import checkpoint, media

    if pathlib.Path(args.out).suffix not in media.FORMATS:
        raise InputError(
            f"--out {args.out}: expected a name that ends in {', '.join(media.FORMATS)}"
        )
    config, task = open_run(args.workdir)
    if config.objective == "autoencoder":
        raise InputError(f"{args.workdir} is an autoencoder's: expected a run that makes videos")
    chosen = {k: getattr(args, k) for k in ("steps", "guidance", "method")}
    task.set_sampling(**{k: v for k, v in chosen.items() if v is not None})
    weights = checkpoint.read_weights(args.workdir, task.init, args.step)["ema"]
    caption = task.tokens(args.prompt)
    video = task.sample(weights, caption[None], args.seed, batch=1)[0]
    media.write_video(args.out, video, zoom=max(1, -(-256 // min(video.shape[1:3]))))
    print(f"{args.out}: {len(video)} frames, {args.prompt!r}, seed {args.seed}")
    return 0


if __name__ == "__main__":
    cli.run(main)
