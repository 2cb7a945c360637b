"""Scaling on paper: what a training step costs on a mesh. Every number is a prediction.

    python -m vdit.plan --size 20B --mesh data=64,fsdp=8,tensor=8 --device h100 --batch 4096 \\
        --latent 16,32,32,4
    python -m vdit.plan --size 7B --devices 512 --batch 2048 --latent 16,32,32,4
    python -m vdit.plan --size XL --mesh fsdp=8 --device h200 --batch 32 --latent 16,32,32,4 \\
        --compile
    python -m vdit.plan --table analysis/results/plan/table.csv --compile

prints JSON: step time, MFU, memory and head-room of a device, weak-scaling efficiency, the traffic
between devices, and the best mesh of as many devices. A job that does not fit ends with status 2
and a line that says what is missing.

`--compile` compiles the real training step, and sets what it says beside the formulas. With JAX's
CUDA plugin (pip install 'vdit[gpu]', Python 3.12 or newer; no GPU) for so many h100 or h200: peak
memory, bytes that go through memory, kernels, collectives (kind, bytes, in a loop, asynchronous).
Elsewhere for simulated CPU devices: bytes of state and batch. That alone needs JAX.
"""

import argparse
import json

from vdit import errors
from vdit.config.devices import device_of
from vdit.errors import InputError
from vdit.planning import assumptions, flags, search, table
from vdit.runs import tables
from vdit.runs.files import write_text

OF_BEST = ("step_s", "mfu", "fits", "headroom_gib")


def main() -> int:
    """Plans the job that the command line asks for."""
    args = flags.parser(__doc__).parse_args()
    if args.table:
        return _table(args)
    job, remats = flags.asked(args)
    best = search.best(search.choices(job, job.devices, remats))
    said = {"kind": "formula", **job.named(), **search.predict(job)}
    said["best"] = best.named() | {k: search.predict(best)[k] for k in OF_BEST}
    said |= {"assumptions": assumptions.PRINTED, "source": job.device.source}
    if args.compile:
        from vdit.planning import compared

        said["compiled"] = compared.compare(job)
    print(json.dumps(said, indent=2))
    if not said["fits"]:
        raise InputError(search.out_of_memory(job))
    return 0


def _table(args: argparse.Namespace) -> int:
    rows = table.rows(device_of(args.device).name)
    if args.compile:
        from vdit.planning import compared

        size, devices = table.COMPILED
        job = table.job(size, devices, args.device)
        rows.insert(1, table.compiled(size, job, compared.on_gpus(job)))
    write_text(args.table, tables.as_csv(rows))
    print(tables.as_text(rows))
    return 0


if __name__ == "__main__":
    errors.run(main)
