"""Arrays to files of weights that PyTorch's libraries read, without PyTorch."""

import json
import pathlib
from collections.abc import Mapping

import numpy as np

from vdit.pretrained.readers import SAFETENSORS
from vdit.runs.files import whole_file

NAMES = {np.dtype(kind): name for name, kind in SAFETENSORS.items()}


def write_safetensors(path: pathlib.Path, weights: Mapping[str, np.ndarray]) -> None:
    """What `readers.read` reads: eight bytes of length, a JSON header, then the arrays' bytes.

    The header says that names and layouts are PyTorch's, without which its libraries refuse.
    """
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, array in weights.items():
        begin, end = end, end + array.nbytes
        header[name] = {
            "dtype": NAMES[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # arrays begin at multiples of eight bytes
    with whole_file(path) as part, part.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in weights.values():
            file.write(np.ascontiguousarray(array).data)
