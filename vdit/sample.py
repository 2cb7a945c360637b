"""A checkpoint to a video: from words, or from frames that are given.

python -m vdit.sample --workdir runs/s --out x.mp4 --prompt "a small red circle moves left"
python -m vdit.sample --workdir runs/s --out x.mp4 --task extend --frames in.mp4

With --frames (a video or a picture): animate its first frame; extend it, or extend_back before it;
interpolate between its beginning and its end; loop from its end to its beginning; edit it, all of
it, by noising it part of the way. Given frames are kept. Only edit works with every run: the others
need one that was trained with given frames (--config.model.given=0.5).
"""

import argparse
import json
import pathlib
import sys

from vdit import errors
from vdit.errors import InputError

TASKS = ("generate", "animate", "extend", "extend_back", "interpolate", "loop", "edit")
STRENGTH = 0.6  # of an edit: the motion is kept, the look may change


def parse_args(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m vdit.sample",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--workdir", required=True, help="folder of a run of vdit.main")
    parser.add_argument("--out", required=True, help="video to write: .mp4, .webp or .gif")
    parser.add_argument("--task", default="generate", choices=TASKS, help="what to make")
    parser.add_argument("--frames", help="video or picture to go on from")
    parser.add_argument("--strength", type=float, help=f"of an edit, 0 to 1 ({STRENGTH})")
    parser.add_argument("--prompt", default="", help="caption; empty for none")
    parser.add_argument("--steps", type=int, help="sampling steps (the run's own by default)")
    parser.add_argument("--guidance", type=float, help="1 is none (the run's own by default)")
    parser.add_argument("--method", help="euler, heun, … (the run's own by default)")
    parser.add_argument("--seed", type=int, default=0, help="fixes the noise")
    parser.add_argument("--step", type=int, help="checkpoint to read (the last by default)")
    return parser.parse_args(argv)


def open_run(workdir: str):
    """(config, task) of a run folder; `InputError` where none lies there."""
    from ml_collections import ConfigDict

    from vdit.training.tasks import make_task

    path = pathlib.Path(workdir) / "config.json"
    if not path.exists():
        raise InputError(f"{workdir}: expected the folder of a run (no config.json there)")
    config = ConfigDict(json.loads(path.read_text()))
    return config, make_task(config)


def check(args: argparse.Namespace) -> None:
    """Raises `InputError` for arguments that do not go together."""
    from vdit.data import media

    if pathlib.Path(args.out).suffix not in media.FORMATS:
        formats = ", ".join(media.FORMATS)
        raise InputError(f"--out {args.out}: expected a name that ends in {formats}")
    if (args.task == "generate") != (args.frames is None):
        wants = "takes no --frames" if args.frames else "needs --frames, a video or a picture"
        raise InputError(f"--task {args.task} {wants}")
    if args.strength is not None and args.task != "edit":
        raise InputError(f"--strength is for --task edit, not {args.task}")
    if args.strength is not None and not 0 < args.strength <= 1:
        raise InputError(f"--strength {args.strength}: expected above 0, up to 1")


def make(args: argparse.Namespace, task, weights):
    """The video (T, H, W, 3) that the arguments ask for."""
    from vdit.data import continuation, media

    captions = task.tokens(args.prompt)[None]
    if args.task == "generate":
        return task.sample(weights, captions, args.seed, batch=1)[0]
    frames, height, width = (task.config.data[k] for k in ("num_frames", "height", "width"))
    video, latents = media.read_video(args.frames, (height, width)), task.shape.latent[0]
    given = continuation.given_frames(args.task, video, frames, latents)
    made = task.sample(weights, captions, args.seed, batch=1, given=given)[0]
    return continuation.join(args.task, video, made, given)


def main() -> int:
    args = parse_args(sys.argv[1:])
    check(args)
    from vdit.data import media
    from vdit.runs import checkpoint

    config, task = open_run(args.workdir)
    if config.objective == "autoencoder":
        raise InputError(f"{args.workdir} is an autoencoder's: expected a run that makes videos")
    chosen = {k: getattr(args, k) for k in ("steps", "guidance", "method")}
    if args.task == "edit":
        chosen["strength"] = args.strength or STRENGTH
    task.set_sampling(**{k: v for k, v in chosen.items() if v is not None})
    weights = checkpoint.read_weights(args.workdir, task.init, args.step)["ema"]
    video = make(args, task, weights)
    media.write_video(args.out, video, zoom=max(1, -(-256 // min(video.shape[1:3]))))
    print(f"{args.out}: {len(video)} frames, {args.prompt!r}, seed {args.seed}")
    return 0


if __name__ == "__main__":
    errors.run(main)
