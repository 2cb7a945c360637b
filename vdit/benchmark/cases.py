"""What is measured: a model, a batch, and how its step is compiled. No JAX here."""

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from vdit.config.activations import REMATS
from vdit.config.devices import Device
from vdit.config.model_config import ModelConfig, checked
from vdit.config.sizes import size_of
from vdit.errors import InputError
from vdit.planning import cost_model
from vdit.planning.job import Job, mesh_of

# The demo's ladder and its clips: 3x8x8 latents of 8 numbers, captions of 24 words.
DEMO_SIZES = ("w20d2", "w24d2", "w32d2", "w48d2", "w64d2", "w80d2")
DEMO = ModelConfig(
    (3, 8, 8, 8), (1, 2, 2), 32, 2, 2, frequencies=64, vocabulary=30, text_length=24, unroll=True
)
DEMO_BATCH = 8
SHALLOW = 8  # layers, up to which a CPU runs unrolled


class Case(NamedTuple):
    """One line of the table. `goal` is clips/s of one H100 or H200, `published` what others had.

    `plan_ms`, and whether it `fits`, are what the plan says of its step.
    """

    name: str
    model: ModelConfig
    batch: int
    flatten: bool = False
    goal: float | None = None
    published: str = ""
    plan_ms: float | None = None
    fits: bool = True


def demo(name: str, attention: str = "full", remat: str = "none", **changes: Any) -> Case:
    """A size of the ladder on the demo's clips; `changes` are its config's, and `batch`."""
    batch = changes.pop("batch", DEMO_BATCH)
    width, depth, heads = size_of(name)
    shallow = depth <= SHALLOW
    changes |= {"attention": attention, "remat": remat, "unroll": shallow}
    model = dataclasses.replace(DEMO, width=width, depth=depth, heads=heads, **changes)
    return Case(name, checked(model), batch, flatten=shallow)


def grid(
    sizes: Sequence[str], attentions: Sequence[str], remats: Sequence[str], **changes: Any
) -> list[Case]:
    """Sizes x variants x recomputation; variants that a size cannot have are left out."""
    cases = []
    for size in sizes:
        for attention in attentions:
            try:
                cases += [demo(size, attention, remat, **changes) for remat in remats]
            except InputError as error:
                if len(sizes) * len(attentions) == 1:
                    raise
                print(f"left out: {size} {attention}: {error}")
    return cases


# Clips per second of one device, latents cached: half of an H100's peak by true FLOPs. Published
# figures are those of an H100, H800 or A100 (DiT's code; OpenDiT; LightningDiT, 2501.01423;
# Latte, 2401.03048).
_XL = ModelConfig((1, 32, 32, 4), (1, 2, 2), *size_of("XL"), condition="label", vocabulary=1001)
_LATTE = dataclasses.replace(_XL, latent=(16, 32, 32, 4), vocabulary=102)
GOALS = {
    "DiT-XL/2": (_XL, "full", (64, 128, 256), 690.0, "100 DiT, 175 OpenDiT, 285 LightningDiT"),
    "Latte-XL/2": (_LATTE, "interleaved", (4, 8, 16), 43.0, "7.2"),
    "full-XL/2": (_LATTE, "full", (4, 8, 16), 28.0, ""),
    # Its program moves less through memory (analysis/results/gpu_compiled); the plan counts a scan.
    "full-XL/2-unrolled": (dataclasses.replace(_LATTE, unroll=True), "full", (4, 8, 16), 28.0, ""),
}


def goals(device: Device) -> list[Case]:
    """The goals' models in bfloat16 at several batches, model by model in turn.

    The most telling come first, by the plan for one such device: of each policy of recomputation
    its best batch, then its second; what should not fit comes last.
    """
    ranked = [_ranked(name, device) for name in GOALS]
    return [case for turn in itertools.zip_longest(*ranked) for case in turn if case]


def _ranked(name: str, device: Device) -> list[Case]:
    policies = [sorted(_goal(name, remat, device), key=_clip_ms) for remat in REMATS]
    places = [(place, case) for cases in policies for place, case in enumerate(cases)]
    places.sort(key=lambda at: (not at[1].fits, at[0], _clip_ms(at[1])))
    return [case for _, case in places]


def _goal(name: str, remat: str, device: Device) -> Iterator[Case]:
    model, attention, batches, goal, published = GOALS[name]
    how = {"attention": attention, "remat": remat, "dtype": "bfloat16"}
    for batch in batches:
        job = Job(dataclasses.replace(model, **how), batch, mesh_of("data=1"), device)
        plan_ms = 1e3 * sum(cost_model.step_seconds(job).values())
        fits = cost_model.headroom(job) >= 0
        yield Case(name, job.model, batch, False, goal, published, plan_ms, fits)


def _clip_ms(case: Case) -> float:
    return case.plan_ms / case.batch
