"""What `vdit.embed` wrote, as far as planning a run needs it: whose embeddings, of which size."""

import json
import pathlib
from typing import Any

from vdit.errors import InputError

FILE = "embeddings.json"
WRITTEN = (
    "encoder",
    "encoder_fingerprint",
    "features",
    "fingerprint",
    "folder",
    "keys",
    "length",
)
NAMES = ("encoder", "fingerprint", "features")  # what a resolved config holds of it


def about(data: Any) -> dict[str, Any]:
    """FILE of the folder `data.embeddings`. Raises `InputError` where it is not there, or has
    captions of another length than `data.text_length`."""
    path = pathlib.Path(data.embeddings) / FILE
    if not path.is_file():
        raise InputError(
            f"data.embeddings {data.embeddings}: no embeddings there; python -m vdit.embed writes "
            "them"
        )
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        length = {name: found[name] for name in WRITTEN}["length"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: damaged, expected what vdit.embed wrote") from error
    if length != data.text_length:
        raise InputError(
            f"data.text_length={data.text_length}: the embeddings of {data.embeddings} are of "
            f"{length} tokens; expected that, or vdit.embed with --config.data.text_length"
        )
    return found


def summary(config: Any) -> dict[str, Any]:
    """`NAMES` of a config's embeddings, as `resolve` has recorded them; none where it has none."""
    data = config.data
    if not data.get("embeddings"):
        return {}
    if config.model.condition != "text":
        raise InputError(
            f"data.embeddings with model.condition={config.model.condition!r}: expected 'text'"
        )
    known = data.get("embedded") or about(data)
    return {name: known[name] for name in NAMES}
