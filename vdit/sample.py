"""A checkpoint to a video: from words, or from conditioning frames.

python -m vdit.sample --workdir runs/s --out x.mp4 --prompt "a small red circle moves left"
python -m vdit.sample --workdir runs/s --out x.mp4 --task extend --frames in.mp4
python -m vdit.sample --workdir runs/s --out x.mp4 --shape 80x48@17

With --frames (a video or a picture): animate its first frame; extend it, or extend_back before it;
interpolate between its beginning and its end; loop from its end to its beginning; edit it, all of
it, by noising it part of the way. Conditioning frames are kept. Only edit works with every run: the
others need one that was trained with some (--config.model.given=0.5).
"""

import argparse
import pathlib
import sys
from typing import TYPE_CHECKING

from vdit import errors
from vdit.errors import InputError
from vdit.runs import compile_cache

if TYPE_CHECKING:
    import numpy as np

TASKS = ("generate", "animate", "extend", "extend_back", "interpolate", "loop", "edit")
STRENGTH = 0.6  # of an edit: the motion is kept, the look may change


def parse_args(argv: list[str]) -> argparse.Namespace:
    parser = errors.parser("vdit.sample", __doc__)
    parser.add_argument("--workdir", required=True, help="folder of a run of vdit.main")
    parser.add_argument("--out", required=True, help="video to write: .mp4, .webp or .gif")
    parser.add_argument("--task", default="generate", choices=TASKS, help="what to make")
    parser.add_argument("--frames", help="video or picture to go on from")
    parser.add_argument("--strength", type=float, help=f"of an edit, 0 to 1 ({STRENGTH})")
    parser.add_argument("--shape", metavar="WxH@F", help="pixels and frames (those trained on)")
    parser.add_argument("--prompt", default="", help="caption; empty for none")
    parser.add_argument("--text_encoder", help="folder of the run's text encoder, if it moved")
    parser.add_argument("--steps", type=int, help="sampling steps (the run's own by default)")
    parser.add_argument("--guidance", type=float, help="1 is none (the run's own by default)")
    parser.add_argument("--method", help="euler, heun, … (the run's own by default)")
    parser.add_argument("--seed", type=int, default=0, help="fixes the noise")
    parser.add_argument("--step", type=int, help="checkpoint to read (the last by default)")
    parser.add_argument("--no_verify", action="store_true", help="trust the checkpoint unread")
    return parser.parse_args(argv)


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


def sample(args: argparse.Namespace) -> tuple["np.ndarray", float | None]:
    """The video (T, H, W, 3) that the arguments ask for, and its frames a second if known."""
    import vdit
    from vdit.data import continuation, media

    model = vdit.load(args.workdir, args.step, verify=not args.no_verify)
    model = model.at(args.shape) if args.shape else model
    if args.text_encoder:
        model = model.with_text_encoder(args.text_encoder)
    prompts = [args.prompt]
    if not model.knows(args.prompt):
        print("some words of the prompt were not in the training captions", file=sys.stderr)
    how = {key: getattr(args, key) for key in ("steps", "guidance", "method")} | {"batch": 1}
    if args.task == "generate":
        return model.sample(prompts, args.seed, **how)[0], model.fps
    if args.task == "edit":
        how["strength"] = args.strength or STRENGTH
    video = media.read_video(args.frames, model.video[1:], fps=model.fps)
    frames = model.conditioning(args.task, video)
    made = model.sample(prompts, args.seed, frames=frames, **how)[0]
    return continuation.join(args.task, video, made, frames), model.fps


def main() -> int:
    """Samples the video that the command line asks for, and writes it."""
    args = parse_args(sys.argv[1:])
    check(args)
    compile_cache.use_for(args.workdir)
    from vdit.data import media

    video, fps = sample(args)
    media.write_video(args.out, video, fps, zoom=max(1, -(-256 // min(video.shape[1:3]))))
    print(f"{args.out}: {len(video)} frames, {args.prompt!r}, seed {args.seed}")
    return 0


if __name__ == "__main__":
    errors.run(main)
