"""A case measured: rounds of steps, ours and the peer's in turn, under the same noise."""

import statistics

import jax

from vdit.benchmark.cases import Case
from vdit.benchmark.peer import Peer
from vdit.benchmark.step import Step
from vdit.config.flops import count_params
from vdit.parallel.peak_flops import peak_flops

ROUNDS, ROUND_S = 9, 1.0


def measured(case: Case, peer_of: str | None = None, rounds: int | None = None) -> dict:
    """`measure`, or a row that says why the device did not run it: too little memory, mostly."""
    try:
        return measure(case, peer_of, rounds)
    except jax.errors.JaxRuntimeError as error:
        why = str(error).splitlines()[0]
        return _named(case) | {"error": "out of memory" if "RESOURCE_EXHAUSTED" in why else why}


def measure(case: Case, peer_of: str | None = None, rounds: int | None = None) -> dict:
    """A row of the table. Raises `InputError` for a peer that cannot be had."""
    peer = Peer(case, peer_of) if peer_of else None
    ours = Step(case)
    steps = max(2, round(ROUND_S * 3 / max(ours.run(3), 1e-6)))
    times, waited = [], 0.0
    for _ in range(rounds or ROUNDS):
        seconds = ours.run(steps) / steps
        waited += ours.clock.waited
        times.append((seconds, peer.run(steps) / steps if peer else None))
    step_s = statistics.median(s for s, _ in times)
    row = _named(case) | {
        "step_ms": 1e3 * step_s,
        "clips_per_s": case.batch / step_s,
        "tflops_per_s": ours.flops / step_s / 1e12,
        "mfu": ours.flops / step_s / peak_flops(),
        "peak_mib": ours.peak_bytes() / 2**20,
        "compile_s": ours.compile_s,
        "data_wait": waited / sum(s * steps for s, _ in times),
    }
    return row | (_paired(times, peer) if peer else {})


def machine() -> dict:
    """What a row is of, beside its case."""
    return {
        "device": jax.devices()[0].device_kind,
        "num_devices": jax.device_count(),
        "jax_version": jax.__version__,
    }


def _named(case: Case) -> dict:
    model = case.model
    return {
        "case": case.name,
        "attention": model.attention,
        "remat": model.remat,
        "dtype": model.dtype,
        "tokens": model.tokens,
        "batch": case.batch,
        "params_total": count_params(model)["params_total"],
        **machine(),
        **({} if case.plan_ms is None else {"plan_ms": case.plan_ms}),
    }


def _paired(rounds: list[tuple[float, float]], peer: Peer) -> dict:
    """How many times as long the peer takes, pair by pair: the median, the least, the most."""
    ratios = [theirs / ours for ours, theirs in rounds]
    peer.close()
    return {
        "peer_step_ms": 1e3 * statistics.median(theirs for _, theirs in rounds),
        "peer_compile_s": peer.compile_s,
        "ratio": statistics.median(ratios),
        "ratio_least": min(ratios),
        "ratio_most": max(ratios),
    }
