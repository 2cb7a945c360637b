#!/usr/bin/env bash
# ml_collections 1.1.0 (the config library of most JAX trainers).
#
# Expected: a ConfigDict has one order of keys, so that `to_json()` is the JSON of `to_dict()`, and a
#           config which was written to a run's folder and read back hashes as before.
# Seen:     iteration, `dict(config)` and `to_dict()` sort the keys; `to_json()` has them in the order
#           in which they were written. Two equal configs (`==`) have different JSON, and a config
#           that went through a file made with `to_dict()` has another `to_json()` than before. A run
#           named by a hash of `to_json()` is not found again, and trains twice.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet ml_collections==1.1.0 2>/dev/null
"$folder/env/bin/python" - <<'PYTHON'
import hashlib
import json
import sys

from ml_collections import ConfigDict


def name(config):
    return hashlib.sha256(config.to_json().encode()).hexdigest()[:12]


config = ConfigDict({"steps": 1000, "model": {"width": 384, "depth": 12}, "batch": 32})
again = ConfigDict(json.loads(json.dumps(config.to_dict())))
print("list     ", list(config))
print("to_dict()", json.dumps(config.to_dict()))
print("to_json()", config.to_json())
print("read back", again.to_json())
print("equal:", config == again, "names:", name(config), name(again))
same_order = config.to_json() == json.dumps(config.to_dict())
held = config == again and name(config) != name(again) and not same_order
sys.exit(0 if held else "changed: a ConfigDict has one order of keys")
PYTHON
