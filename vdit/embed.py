"""Embeddings of a data set's captions by a text encoder (T5, UMT5, CLIP), made ahead of training.

  python -m vdit.embed --config experiments/base.py:videos=data/mine --encoder DIR --out data/t5
  python -m vdit.main  --config experiments/base.py:videos=data/mine --workdir runs/s \\
      --config.data.embeddings=data/t5

DIR is a folder of transformers' (or of diffusers', with text_encoder and tokenizer in it). The
config says of which data, and at how many tokens captions are cut (data.text_length). The same
command, started several times, shares the work; killed and started again it goes on.
"""

import pathlib
import sys

from vdit import errors
from vdit.config import command_line

TEXTS = {"encoder": "Folder of the text encoder.", "out": "Folder to write."}
OPTIONAL = {"device": "Where torch computes: cpu (by default), cuda, cuda:1, ..."}


def main() -> int:
    """Writes the embeddings that the command line asks for, or says that they are there."""
    config, asked = command_line.parse(sys.argv, __doc__, TEXTS, OPTIONAL)
    from vdit.data.embeddings.writing import embed

    print(embed(config, asked["encoder"], pathlib.Path(asked["out"]), asked["device"] or "cpu"))
    return 0


if __name__ == "__main__":
    errors.run(main)
