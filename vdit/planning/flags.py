"""The flags of `python -m vdit.plan`, and the job that they ask for. No JAX here."""

import argparse

from vdit import errors
from vdit.config import model_flags
from vdit.config.activations import REMATS
from vdit.config.devices import LINKED, MESH_AXES, device_of
from vdit.errors import InputError
from vdit.planning import search
from vdit.planning.job import Job, checked, mesh_of, named


def parser(description: str) -> argparse.ArgumentParser:
    """The flags that `asked` reads."""
    parser = errors.parser("vdit.plan", description)
    model_flags.add(parser, dtype="bfloat16")
    parser.set_defaults(text=None)  # 77 where no classes are asked for
    parser.add_argument("--mesh", help=f"AXIS=N with commas between; {', '.join(MESH_AXES)}")
    parser.add_argument("--devices", help="how many; the mesh is chosen where none is given")
    parser.add_argument("--device", default="h100", help=", ".join(LINKED))
    parser.add_argument("--batch", default="", help="clips of a step, on all devices together")
    parser.add_argument("--remat", help=f"{', '.join(REMATS)}; the fastest that fits if not given")
    parser.add_argument("--compile", action="store_true", help="the real step, up to 512 devices")
    parser.add_argument("--table", metavar="FILE", help="XL, 7B, 20B on 8 to 4,096 devices, as CSV")
    return parser


def asked(args: argparse.Namespace) -> tuple[Job, tuple[str, ...]]:
    """The job, its mesh and recomputation chosen where they are not given, and what was allowed."""
    args.text = args.text or ("77" if args.classes == "0" else "0")
    if args.remat and args.remat not in REMATS:
        raise InputError(f"--remat {args.remat}: expected one of {', '.join(REMATS)}")
    remats = (args.remat,) if args.remat else REMATS
    if not (args.mesh or args.devices):
        raise InputError("--mesh or --devices is missing: expected AXIS=N,... or a number")
    model, mesh = model_flags.asked(args), mesh_of(args.mesh) if args.mesh else {}
    (batch,) = model_flags.integers("batch", args.batch, 1, 1)
    job = Job(model, batch, mesh, device_of(args.device))
    devices = (
        model_flags.integers("devices", args.devices, 1, 1)[0] if args.devices else job.devices
    )
    if mesh and job.devices != devices:
        raise InputError(f"mesh {named(mesh)} takes {job.devices} devices, --devices is {devices}")
    jobs = (
        search.with_remats(checked(job), remats) if mesh else search.choices(job, devices, remats)
    )
    return search.best(jobs), remats
