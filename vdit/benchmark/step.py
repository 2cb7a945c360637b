"""Our training step as a run has it: the same program, the same pipeline, on latents made up."""

import time

import jax
import numpy as np

from vdit.benchmark.cases import Case
from vdit.config.flops import training_flops
from vdit.config.model_config import ModelConfig
from vdit.data import pipeline
from vdit.diffusion.flow import RectifiedFlow
from vdit.parallel import cores, sharding
from vdit.planning.compared import peak_bytes
from vdit.training.clock import Clock
from vdit.training.diffusion_loss import DiffusionLoss, Init
from vdit.training.optimizer import OptimizerConfig
from vdit.training.step import compiled

MESH = {"data": -1}
RATE, DECAY, DROP_CAPTION = np.float32(1e-4), 0.999, 0.1


class Records:
    """So many random clips, as a cache of latents gives them."""

    def __init__(self, config: ModelConfig, count: int = 512):
        random = np.random.default_rng(0)
        self.latents = random.standard_normal((count, *config.latent), np.float32)
        words = config.text_length if config.condition == "text" else 1
        self.captions = random.integers(0, config.vocabulary, (count, words)).astype(np.int32)

    def __len__(self) -> int:
        return len(self.latents)

    def rows(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Copies, as a cache's are."""
        return {"latent": self.latents[indices], "caption": self.captions[indices]}


class Step:
    """A compiled step, its state and its data, on all devices: `run` times so many steps."""

    def __init__(self, case: Case):
        loss = DiffusionLoss(case.model, RectifiedFlow(), DROP_CAPTION)
        self.flops = training_flops(case.model) * case.batch
        devices = cores.devices(MESH, case.batch, self.flops)
        self.mesh = sharding.make_mesh(MESH, case.batch, devices)
        self.clock = Clock()
        with jax.set_mesh(self.mesh):
            optimizer = OptimizerConfig(flatten=case.flatten)
            init, step = compiled(loss, Init(case.model), optimizer, self.mesh)
            self.state = init(jax.random.key(0))
            rows = sharding.batch_sharding(self.mesh)
            self.data = iter(pipeline.batches(Records(case.model), case.batch, 0, rows))
            began = time.perf_counter()
            batch = pipeline.to_devices(next(self.data), rows)
            self.step = step.lower(self.state, batch, RATE, DECAY).compile()
            self.compile_s = time.perf_counter() - began

    def run(self, steps: int) -> float:
        """Seconds of `steps` steps, their data fetched as in training."""
        self.clock.waited, began = 0.0, time.perf_counter()
        with jax.set_mesh(self.mesh):
            for _ in range(steps):
                batch = self.clock.fetch(self.data)
                self.state, metrics = self.step(self.state, batch, RATE, DECAY)
                self.clock.step_done(metrics)
            jax.block_until_ready(metrics)
        return time.perf_counter() - began

    def peak_bytes(self) -> int:
        """Of a device, as it says itself; where it does not, as the program was planned."""
        stats = jax.local_devices()[0].memory_stats() or {}
        if "peak_bytes_in_use" in stats:
            return stats["peak_bytes_in_use"]
        return peak_bytes(self.step)
