"""Packing: runs of one shape trained together in one program, `vmap`ped over all that differs.

For models so small that a device waits for its programs rather than for arithmetic. The slots of a
pack share what is compiled (loss, weights' shapes, optimiser, batch, mesh); each member has its own
weights, seed, data, schedule, average and length, and a folder as an unpacked run has it.
"""

import contextlib
import functools
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from vdit.config import mixture
from vdit.errors import InputError
from vdit.parallel import cores, sharding
from vdit.parallel.compiler import compiler_options
from vdit.parallel.compute_dtype import decided
from vdit.runs import signals
from vdit.runs.folder import attempt_of
from vdit.runs.goodput import GOODPUT, listen
from vdit.training.clock import Clock
from vdit.training.kinds import NewestByKind
from vdit.training.optimizer import OptimizerConfig
from vdit.training.packed_run import PackedRun
from vdit.training.slots import stages
from vdit.training.step import DivergedError, train_step


class Outcome(NamedTuple):
    """How a pack ended: the row of each member, or what it failed of; steps of idle slots."""

    ends: list[dict | DivergedError]
    idle_steps: int


def run(runs: Sequence[tuple[Any, str]], pack: Sequence[tuple[str, int]] | None = None) -> Outcome:
    """Trains and measures unfinished runs, pairs of (resolved config, workdir), as `run` does.

    `pack` names all slots, pairs of (name of the run, steps): a resumed pack has those it began
    with, whoever of them is left. Raises `InputError` for runs that do not fit together. A
    run that diverges ends alone.
    """
    listen()
    configs = [decided(config) for config, _ in runs]
    folders = [pathlib.Path(workdir) for _, workdir in runs]
    pack = [tuple(slot) for slot in pack or _pack_of(configs, folders)]
    mesh = _one_device(configs)
    with jax.set_mesh(mesh), signals.Deferral() as deferral, contextlib.ExitStack() as files:
        members = {}
        for config, folder in zip(configs, folders, strict=True):
            i = pack.index((attempt_of(folder.name)[0], config.steps))
            members[i] = PackedRun(config, folder, pack, mesh, files, deferral)
        _check_alike(list(members.values()))
        with GOODPUT.to("training"):
            idle = _train(members, [steps for _, steps in pack], mesh)
    return Outcome([member.end for member in members.values()], idle)


def _pack_of(configs, folders) -> list[tuple[str, int]]:
    names = [attempt_of(folder.name)[0] for folder in folders]
    return [(name, config.steps) for name, config in zip(names, configs, strict=True)]


def _one_device(configs) -> jax.sharding.Mesh:
    mesh, *_ = [
        sharding.make_mesh(c.mesh, c.batch, cores.devices(c.mesh, c.batch, flops=0))
        for c in configs
    ]
    if mesh.size > 1:
        raise InputError(f"packing: a pack trains on one device; its mesh has {mesh.size}")
    return mesh


def _check_alike(members: list[PackedRun]) -> None:
    for member in members[1:]:
        for name, value in member.program().items():
            if value != members[0].program()[name]:
                raise InputError(
                    f"packing: {member.workdir.name} and {members[0].workdir.name} differ in "
                    f"{name}; runs of a pack differ in seed, data, rates and steps only"
                )


def _train(members: dict[int, PackedRun], lengths: Sequence[int], mesh) -> int:
    """Trains all members to their ends; returns the idle slots' steps."""
    for member in members.values():
        if member.step == member.config.steps:  # killed between its last step and its result
            member.finish(member.state)
    idle, first = 0, min(member.step for member in members.values())
    for begin, end, slots in stages(lengths):
        if end > first:
            here = [members.get(i) for i in slots]
            idle += _train_stage(here, range(max(begin, first), end), mesh)
    return idle


def _train_stage(slots: list[PackedRun | None], ticks: range, mesh) -> int:
    """Trains the members in these slots, None where a slot is vacant, over a stretch of steps."""
    members = [m for m in slots if m is not None]
    if not members:
        return 0
    example = members[0]
    state = stacked([(m or example).state for m in slots])
    step_fn = compiled(example.task.loss, example.optimizer, mesh)
    flops = example.task.flops_per_clip * example.config.batch
    clock = Clock(flops, mixture.clips_per_step(example.config))
    idle, schedule, kinds = 0, _Schedule(slots), NewestByKind(example.config)
    for tick in ticks:
        schedule.at(tick)
        if not schedule.training:
            continue
        idle += len(slots) - len(schedule.training)
        batch = clock.fetch(schedule)
        state, metrics = step_fn(state, batch, schedule.rates, schedule.decays, schedule.active)
        clock.step_done(kinds.note(tick, metrics))
        _share(clock, schedule.training)
        with clock.paused():
            _on_step(schedule.training, slots, state, kinds.row())
    host = jax.device_get(state)
    for member in members:
        member.state = _slot(host, slots.index(member))
    return idle


class _Schedule:
    """What each slot is fed at a step; iterating gives the stacked batches."""

    def __init__(self, slots: list[PackedRun | None]):
        self.slots = slots
        self.rates, self.decays = np.zeros((2, len(slots)), np.float32)

    def at(self, tick: int) -> None:
        """Moves to a step: active are those who stand before it."""
        self.active = np.array([m is not None and m.trains_at(tick) for m in self.slots])
        self.training = [m for m, active in zip(self.slots, self.active, strict=True) if active]
        # Copies, for the step in flight may still read the others.
        self.rates, self.decays = self.rates.copy(), self.decays.copy()
        for i in np.flatnonzero(self.active):
            self.rates[i] = self.slots[i].rates[tick]
            self.decays[i] = self.slots[i].decays[tick]

    def __next__(self) -> dict[str, np.ndarray]:
        """Stacked once, on the host; an idle slot is fed what another is, and learns nothing."""
        rows = {id(member): next(member.data) for member in self.training}
        filling = next(iter(rows.values()), None)
        rows = [rows.get(id(member), filling) for member in self.slots]
        return {k: np.stack([row[k] for row in rows]) for k in rows[0]}


def _share(clock: Clock, training: list[PackedRun]) -> None:
    """Books the clock's seconds of a step to those who trained in it, equal parts."""
    part = clock.split() / len(training)
    for member in training:
        member.step_done(not clock.compiled, part)


def _on_step(training: list[PackedRun], slots, state, metrics) -> None:
    """Logs, saves and ends the members that are due after a step."""
    if not (due := [m for m in training if m.is_due()]):
        return
    metrics = jax.device_get(metrics)
    host = jax.device_get(state) if any(m.needs_state() for m in due) else None
    for member in due:
        i = slots.index(member)
        member.on_step(_slot(metrics, i), None if host is None else _slot(host, i))
    for member in due:
        member.saving.end_if_told(member.step)


def stacked(trees: Sequence[Any]) -> Any:
    """One tree of all slots', stacked on the host: nothing to compile."""
    return jax.tree.map(lambda *leaves: np.stack(leaves), *jax.device_get(trees))


def _slot(tree, i: int):
    return jax.tree.map(lambda x: x[i], tree)


@functools.lru_cache(maxsize=32)
def compiled(loss: Callable, optimizer: OptimizerConfig, mesh: jax.sharding.Mesh) -> Callable:
    """The step of a pack: `(state, batch, rate, decay, active)`, all with a first axis of slots."""

    def step(state, batch, rate, decay, active):
        new, metrics = train_step(state, batch, rate, decay, loss=loss, optimizer=optimizer)
        return jax.tree.map(lambda n, o: jnp.where(active, n, o), new, state), metrics

    replicated = sharding.replicated(mesh)
    return jax.jit(
        jax.vmap(step),
        compiler_options=compiler_options("step"),
        in_shardings=replicated,
        out_shardings=replicated,
        donate_argnums=0,
    )
