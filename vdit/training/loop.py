"""The training loop, one for every task, for a run alone and for a pack of them: it reads like the
recipe. Tasks: `vdit.training.tasks`; packs: `vdit.training.packing`."""

import contextlib
import pathlib
from collections.abc import Iterator
from typing import Any, Protocol

import jax
from ml_collections import ConfigDict

from vdit.config import mixture
from vdit.parallel import cores, processes, sharding
from vdit.runs import signals
from vdit.runs.same_run import check_same_run
from vdit.training import out_of_memory
from vdit.training.clock import Clock
from vdit.training.kinds import NewestByKind
from vdit.training.member import Member
from vdit.training.metrics import Log, Silent
from vdit.training.step import TrainState
from vdit.training.tasks import Task


class Group(Protocol):
    """Those who train in one program: a member alone, or several stacked. Its own next element is
    the batch of the step that `schedule` has come to."""

    config: ConfigDict

    def schedule(self) -> Iterator[tuple[int, list[Member]]]:
        """Steps already taken, and those who take the next one."""

    def __next__(self) -> Any: ...

    def step(self, batch: Any) -> dict[str, jax.Array]:
        """Takes the step; returns its metrics, of all members."""

    def part_of(self, member: Member, metrics: dict) -> dict:
        """A member's part of the metrics."""

    def state_of(self, member: Member) -> TrainState:
        """A member's state, placed as if it trained alone."""


def advance(group: Group, clock: Clock) -> None:
    """The loop: members take their steps, and each writes what is due after one."""
    kinds = NewestByKind(group.config)
    for step, members in group.schedule():
        metrics = group.step(clock.fetch(group))
        clock.step_done(kinds.note(step, metrics))
        for member in members:
            member.step += 1
        logged = [member for member in members if member.is_logged]
        row = jax.device_get(kinds.row()) if logged else None  # waits for the step
        spent = clock.split(len(members))
        for member in members:
            member.add_time(spent)
        for member in logged:
            member.write(group.part_of(member, row))
        with clock.paused():
            # All are asked before one is saved: a signal that comes in between is for all of them.
            for member in [member for member in members if member.is_saved]:
                member.save(group.state_of)
            for member in members:  # when all are saved
                member.saving.end_if_told(member.step)
            for member in members:
                member.preview_and_measure(group.state_of)


class SingleRun:
    """One run, its compiled step as it is: on any mesh, in any number of processes."""

    def __init__(self, member: Member):
        self.member, self.config = member, member.config

    def schedule(self) -> Iterator[tuple[int, list[Member]]]:
        while self.member.trains_at(self.member.step):
            yield self.member.step, [self.member]

    def __next__(self) -> Any:
        return next(self.member.data)

    def step(self, batch: Any) -> dict[str, jax.Array]:
        run = self.member
        now = run.rates[run.step], run.decays[run.step]
        run.state, metrics = run.step_fn(run.state, batch, *now)
        return metrics

    def part_of(self, member: Member, metrics: dict) -> dict:
        return metrics

    def state_of(self, member: Member) -> TrainState:
        return member.state


def train(
    task: Task, config: ConfigDict, workdir: str | pathlib.Path, log: Log | Silent
) -> tuple[TrainState, dict]:
    """Trains to `config.steps`, from the last checkpoint if any; returns the state and timings.

    A branch (`vdit.training.trunk`) that has no checkpoint of its own begins with its trunk's. The
    state lives on `config.mesh`. Raises `InputError` for a config that does not fit the devices or
    the folder, `DivergedError` where a number stops being finite.
    """
    workdir = pathlib.Path(workdir)
    check_same_run(workdir, config.to_dict(), write=processes.is_first())
    flops = task.flops_per_clip * config.batch
    batch = mixture.divisor(config)
    devices = cores.devices(config.mesh, batch, flops, config.accumulate)
    mesh = sharding.make_mesh(config.mesh, batch, devices, config.accumulate)
    clock = Clock()
    with (
        jax.set_mesh(mesh),
        signals.Deferral() as deferral,
        out_of_memory.explained(task, config, mesh),
        contextlib.ExitStack() as files,
    ):
        member = Member(task, config, workdir, log, mesh, files, deferral)
        advance(SingleRun(member), clock)
        member.add_time(clock.split())
        if member.diverged:
            raise member.diverged
        return member.state, member.timing()
