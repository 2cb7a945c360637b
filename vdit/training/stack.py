"""Members of a pack in one program, `vmap`ped over all that differs: a group of the loop."""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from vdit.parallel import sharding
from vdit.parallel.compiler import compiler_options
from vdit.training.member import Member
from vdit.training.optimizer import OptimizerConfig
from vdit.training.step import TrainState, train_step


class Stack:
    """Members in slots, None where one is vacant, over a stretch of steps (`vdit.training.loop`).

    It has their states until it gives them back; `ended` gets each that has taken its last step,
    and its state, before the next one is taken.
    """

    def __init__(
        self,
        slots: Sequence[Member | None],
        steps: range,
        mesh: jax.sharding.Mesh,
        ended: Callable[[Member, TrainState], None],
    ):
        self._slots, self._steps, self._ended = slots, steps, ended
        self._members = [member for member in slots if member]
        example = self._members[0]
        self.config, self.idle_steps = example.config, 0
        self._placed = jax.tree.map(lambda x: x.sharding, example.state)
        self._state = stacked([(member or example).state for member in slots])
        for member in self._members:
            member.state = None
        self._program = compiled(example.task.loss, OptimizerConfig.of(example.config), mesh)
        self._host = None  # the state, once it is asked for after a step

    def schedule(self) -> Iterator[tuple[int, list[Member]]]:
        for step in self._steps:
            self._active = [m if m and m.trains_at(step) else None for m in self._slots]
            training = list(filter(None, self._active))
            if training:  # else they stand elsewhere, in a resumed pack, or have ended
                self.idle_steps += len(self._slots) - len(training)
                self._now = self._scheduled("rates", step), self._scheduled("decays", step)
                yield step, training
                for member in training:
                    if member.has_ended:
                        self._ended(member, self.state_of(member))

    def _scheduled(self, name: str, step: int) -> np.ndarray:
        return np.float32([getattr(m, name)[step] if m else 0 for m in self._active])

    def __next__(self) -> dict[str, np.ndarray]:
        """Stacked once, on the host; an idle slot is fed what another is, and learns nothing."""
        rows = [next(member.data) if member else None for member in self._active]
        filling = next(filter(None, rows))
        return {k: np.stack([(row or filling)[k] for row in rows]) for k in filling}

    def step(self, batch: dict[str, np.ndarray]) -> dict[str, jax.Array]:
        self._host = None
        active = np.array([member is not None for member in self._active])
        self._state, metrics = self._program(self._state, batch, *self._now, active)
        return metrics

    def part_of(self, member: Member, metrics: dict) -> dict:
        return jax.tree.map(lambda x: x[self._slots.index(member)], metrics)

    def state_of(self, member: Member) -> TrainState:
        self._host = self._host or jax.device_get(self._state)
        return jax.tree.map(jax.device_put, self.part_of(member, self._host), self._placed)

    def give_back(self) -> None:
        """Each member has its own state again."""
        for member in self._members:
            member.state = self.state_of(member)
        self._state = self._host = None


def stacked(trees: Sequence[Any]) -> Any:
    """One tree of all slots', stacked on the host: nothing to compile."""
    return jax.tree.map(lambda *leaves: np.stack(leaves), *jax.device_get(trees))


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
