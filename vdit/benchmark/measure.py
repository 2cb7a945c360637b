"""A case measured: rounds of steps, ours and the peer's in turn, under the same noise."""

import statistics

import jax

from vdit.benchmark.cases import Case
from vdit.benchmark.peer import Peer
from vdit.benchmark.step import Step
from vdit.config.flops import count_params
from vdit.parallel.peak_flops import peak_flops

ROUNDS, ROUND_S = 9, 1.0


def measured(case: Case, with_peer: bool = False) -> dict:
    """`measure`, or a row that says that the device's memory was too small."""
    try:
        return measure(case, with_peer)
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        return _named(case) | {"error": "out of memory"}


def measure(case: Case, with_peer: bool = False) -> dict:
    """A row of the table. Raises `InputError` for a peer that cannot be had."""
    peer = Peer(case) if with_peer else None
    ours = Step(case)
    steps = max(2, round(ROUND_S * 3 / max(ours.run(3), 1e-6)))
    rounds, waited = [], 0.0
    for _ in range(ROUNDS):
        seconds = ours.run(steps) / steps
        waited += ours.clock.waited
        rounds.append((seconds, peer.run(steps) / steps if peer else None))
    step_s = statistics.median(s for s, _ in rounds)
    row = _named(case) | {
        "step_ms": 1e3 * step_s,
        "clips_per_s": case.batch / step_s,
        "tflops_per_s": ours.flops / step_s / 1e12,
        "mfu": ours.flops / step_s / peak_flops(),
        "peak_mib": ours.peak_bytes() / 2**20,
        "compile_s": ours.compile_s,
        "data_wait": waited / sum(s * steps for s, _ in rounds),
    }
    return row | (_paired(rounds, peer) if peer else {})


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
        "device": jax.devices()[0].device_kind,
        "num_devices": jax.device_count(),
        "jax_version": jax.__version__,
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
