"""Scaling on paper: what a training step costs on a mesh. Every number is a prediction.

    python -m vdit.plan --size 20B --mesh data=64,fsdp=8,tensor=8 --device h100 --batch 4096 \\
        --latent 16,32,32,4
    python -m vdit.plan --size 7B --devices 512 --batch 2048 --latent 16,32,32,4
    python -m vdit.plan --table analysis/results/plan/table.csv

prints JSON: step time, MFU, memory and head-room of a device, weak-scaling efficiency, the traffic
between devices, and the best mesh of as many devices. A job that does not fit ends with status 2
and a line that says what is missing. `--compile` lowers and compiles the real training step for
that many simulated devices, and sets its argument bytes beside the formula's; that alone needs JAX.
"""

import argparse
import json
import pathlib

from vdit import errors
from vdit.config import model_flags
from vdit.config.activations import REMATS
from vdit.config.devices import DEVICES, device_of
from vdit.errors import InputError
from vdit.planning import cost_model, search, table
from vdit.planning.job import AXES, Job, checked, mesh_of, named
from vdit.runs import tables


def report(job: Job, remats: tuple[str, ...]) -> dict:
    """What is predicted of the job, and the best mesh of as many devices."""
    best = search.best(search.choices(job, job.devices, remats))
    keys = ("step_s", "mfu", "fits", "headroom_gib")
    return {
        "kind": "prediction",
        **_naming(job),
        **search.predict(job),
        "best": _naming(best) | {k: search.predict(best)[k] for k in keys},
        "assumptions": cost_model.ASSUMPTIONS,
        "source": job.device.source,
    }


def _naming(job: Job) -> dict:
    return {
        "device": job.device.name,
        "devices": job.devices,
        "mesh": named(job.mesh),
        "batch": job.batch,
        "remat": job.shape.remat,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m vdit.plan",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    model_flags.add(parser, dtype="bfloat16")
    parser.set_defaults(text=None)  # 77 where no classes are asked for
    parser.add_argument("--mesh", help=f"AXIS=N with commas between; {', '.join(AXES)}")
    parser.add_argument("--devices", help="how many; the mesh is chosen where none is given")
    parser.add_argument("--device", default="h100", help=", ".join(DEVICES))
    parser.add_argument("--batch", default="", help="clips of a step, on all devices together")
    parser.add_argument("--remat", help=f"{', '.join(REMATS)}; the fastest that fits if not given")
    parser.add_argument("--compile", action="store_true", help="the real step, up to 512 devices")
    parser.add_argument("--table", metavar="FILE", help="XL, 7B, 20B on 8 to 4,096 devices, as CSV")
    return parser


def _asked(args: argparse.Namespace) -> tuple[Job, tuple[str, ...]]:
    """The job, its mesh and recomputation chosen where they are not given, and what was allowed."""
    args.text = args.text or ("77" if args.classes == "0" else "0")
    if args.remat and args.remat not in REMATS:
        raise InputError(f"--remat {args.remat}: expected one of {', '.join(REMATS)}")
    remats = (args.remat,) if args.remat else REMATS
    if not (args.mesh or args.devices):
        raise InputError("--mesh or --devices is missing: expected AXIS=N,... or a number")
    shape, mesh = model_flags.asked(args), mesh_of(args.mesh) if args.mesh else {}
    (batch,) = model_flags.integers("batch", args.batch, 1, 1)
    job = Job(shape, batch, mesh, device_of(args.device))
    devices = (
        model_flags.integers("devices", args.devices, 1, 1)[0] if args.devices else job.devices
    )
    if mesh and job.devices != devices:
        raise InputError(f"mesh {named(mesh)} takes {job.devices} devices, --devices is {devices}")
    jobs = (
        search.with_remats(checked(job), remats) if mesh else search.choices(job, devices, remats)
    )
    return search.best(jobs), remats


def _table(args: argparse.Namespace) -> int:
    found = table.rows(device_of(args.device).name)
    pathlib.Path(args.table).write_text(tables.as_csv(found))
    print(tables.as_text(found))
    return 0


def main() -> int:
    """Plans the job that the command line asks for."""
    args = _parser().parse_args()
    if args.table:
        return _table(args)
    job, remats = _asked(args)
    said = report(job, remats)
    if args.compile:
        from vdit.planning import lowered

        said["compiled"] = lowered.compare(job)
    print(json.dumps(said, indent=2))
    if not said["fits"]:
        raise InputError(search.out_of_memory(job))
    return 0


if __name__ == "__main__":
    errors.run(main)
