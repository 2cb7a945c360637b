#!/usr/bin/env bash
# orbax-checkpoint 0.12.8 (v1), jax 0.10.2.
#
# Expected: two leaves of a tree are two arrays of a checkpoint, whatever their names; or names that
#           cannot be told apart are refused. A slash in a name is kept apart from a level of the tree.
# Seen:     a dot is not. `blocks.0.weight`, as PyTorch names it, and `blocks`, 0, `weight`, nested, are one
#           entry: both are written there without a word, and both come back as the one that came
#           last, which differs from call to call. Python's numbers and texts do the same. So of a flat
#           tree of published weights beside a nested one of their averages, one set is lost.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet orbax-checkpoint==0.12.8 jax==0.10.2
JAX_PLATFORMS=cpu "$folder/env/bin/python" -W error::UserWarning - "$folder" <<'PYTHON'
import sys
from pathlib import Path

import numpy as np
from orbax.checkpoint import v1 as ocp


def restored(name, tree):
    """`tree` after it was saved and loaded again."""
    path = Path(sys.argv[1]) / name
    ocp.save(path, tree)
    return ocp.load(path, tree)


def two(separator, flat, nested):
    """A leaf named by a path beside the leaf at that path."""
    return {f"blocks{separator}0{separator}weight": flat, "blocks": {"0": {"weight": nested}}}


def are_one(tree):
    flat, nested = (tree[key] for key in sorted(tree, key=len, reverse=True))
    return bool(np.all(flat == nested["0"]["weight"]))


dots = [restored(f"dots{i}", two(".", np.arange(3.0), -np.arange(3.0))) for i in range(8)]
texts = restored("texts", two(".", "published", "averaged"))
slashes = restored("slashes", two("/", np.arange(3.0), -np.arange(3.0)))
for tree in (*dots, texts, slashes):
    print(tree)
as_said = all(map(are_one, dots)) and are_one(texts) and not are_one(slashes)
sys.exit(0 if as_said else "changed: leaves whose names differ by a dot alone are kept apart, or refused")
PYTHON
