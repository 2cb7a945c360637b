"""A folder of videos to a prepared data set: fixed windows in ArrayRecord, split by video.

python -m vdit.prepare --videos DIR --out DIR --frames 16 --size 64
"""

from vdit import errors
from vdit.data.video_folder import flags


def main(argv: list[str] | None = None) -> None:
    """Prepares the folder that the flags name, or says that it is there already."""
    asked = flags.parser().parse_args(argv)
    from vdit.data.video_folder.prepare import Request, prepare  # PyAV, SciPy: --help needs none

    prepare(Request(**vars(asked)))


if __name__ == "__main__":
    errors.run(main)
