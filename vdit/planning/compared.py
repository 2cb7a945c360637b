"""The formulas beside the compiled program: what each says of a step on each device."""

import time
from collections import defaultdict
from typing import TYPE_CHECKING

from vdit.config.devices import GIB
from vdit.errors import InputError
from vdit.planning import cost_model, hlo, lowered, topology, traffic
from vdit.planning.collectives import collectives
from vdit.planning.job import Job
from vdit.planning.kernels import kernels, moved

if TYPE_CHECKING:
    import jax


def compare(job: Job) -> dict:
    """Bytes of state and batch; of GPUs peak memory, traffic, kernels and collectives too."""
    began = time.perf_counter()
    program = lowered.compiled(job)
    described = topology.is_described(job.device)
    found = program.memory_analysis().argument_size_in_bytes
    said = {
        "devices": f"{job.device.name}, described" if described else "simulated CPUs",
        "argument_bytes": {"formula": round(cost_model.argument_bytes(job)), "compiled": found},
    }
    said |= _of_gpus(program, job) if described else {"missing": topology.WANTED}
    return said | {"seconds": time.perf_counter() - began}


def on_gpus(job: Job) -> dict:
    """The same of GPUs; `InputError` where this interpreter cannot compile for them."""
    if not topology.is_described(job.device):
        raise InputError(topology.WANTED)
    return _of_gpus(lowered.compiled(job), job)


def _of_gpus(program: "jax.stages.Compiled", job: Job) -> dict:
    """What a program says that was compiled for them, beside the formulas where there are any."""
    text = hlo.read(program.as_text())
    by_kind, moves = moved(kernels(text)), traffic.moves(text, job.mesh)
    through_memory = sum(size for _, size in by_kind.values())
    sent = sum(m.times * m.bytes for m in moves)
    return {
        "peak_gib": _beside(sum(cost_model.memory(job).values()), peak_bytes(program)),
        "traffic_gib": _beside(sum(cost_model.traffic(job).values()), through_memory),
        "sent_gib": _beside(sum(c.bytes for c in collectives(job)), sent),
        "kernels": sum(n for n, _ in by_kind.values()),
        "kernels_of": {k: {"count": n, "gib": size / GIB} for k, (n, size) in by_kind.items()},
        "collectives": _by_kind(moves),
    }


def peak_bytes(program: "jax.stages.Compiled") -> int:
    """What a program holds at most: its arguments, results in new places, all that is temporary."""
    said = program.memory_analysis()
    held = said.argument_size_in_bytes + said.output_size_in_bytes - said.alias_size_in_bytes
    return held + said.temp_size_in_bytes


def _beside(formula: float, compiled: float) -> dict[str, float]:
    return {"formula": formula / GIB, "compiled": compiled / GIB}


def _by_kind(moves: list[traffic.Move]) -> list[dict]:
    """One row for each kind, axis, and way to run; bytes are what each device sends in a step."""
    rows = defaultdict(lambda: {"count": 0, "bytes": 0.0})
    for m in moves:
        row = rows[m.kind, m.axes, m.in_loop, m.asynchronous]
        row["count"] += m.times
        row["bytes"] += m.times * m.bytes
    names = "kind", "axis", "in_loop", "asynchronous"
    return [dict(zip(names, key, strict=True)) | row for key, row in sorted(rows.items())]
