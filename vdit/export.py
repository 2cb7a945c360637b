"""A run as a folder that another library loads.

python -m vdit.export --workdir runs/s --out dit --format diffusers

diffusers: a DiT of pictures by labels (model.condition=label, data.num_frames=1) for its
DiTPipeline, a Latte of videos by captions (model.attention=latte) for its LattePipeline, both with
objective=ddpm and autoencoder.name=kl. What it has no place for ends in a line that names the
config's key and the value expected.
"""

import argparse
import sys

from vdit import errors
from vdit.exporters import FORMATS


def parse_args(argv: list[str]) -> argparse.Namespace:
    parser = errors.parser("vdit.export", __doc__)
    parser.add_argument("--workdir", required=True, help="folder of a run of vdit.main")
    parser.add_argument("--out", required=True, help="new folder to write")
    parser.add_argument("--format", default="diffusers", choices=FORMATS, help="who will read it")
    parser.add_argument("--step", type=int, help="checkpoint to read (the last by default)")
    parser.add_argument("--no_verify", action="store_true", help="trust the checkpoint unread")
    return parser.parse_args(argv)


def main() -> int:
    """Writes the folder that the command line asks for."""
    args = parse_args(sys.argv[1:])
    import vdit
    from vdit.exporters.folder import check_new, export

    check_new(args.out)
    model = vdit.load(args.workdir, args.step, verify=not args.no_verify)
    for line in export(model, args.out, args.format):
        print(line)
    print(f"{args.out}: step {model.step} of {args.workdir}")
    return 0


if __name__ == "__main__":
    errors.run(main)
