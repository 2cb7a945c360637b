"""Learning to generate videos: diffusion on cached latents."""

import dataclasses
import functools
import hashlib
import json
import sys

import jax
import numpy as np
from flax import nnx

from vdit import media, mup, scores
from vdit.coder import load_coder
from vdit.data import latents
from vdit.data.text import UNKNOWN
from vdit.diffusion import flow, objectives
from vdit.diffusion.guidance import Guidance
from vdit.diffusion.objectives import Objective
from vdit.errors import InputError
from vdit.flops import count_params, training_flops
from vdit.models import dit
from vdit.sizes import Shape, shape_of

TENTHS = 10


@functools.lru_cache(maxsize=32)
def graph_of(shape: Shape) -> nnx.GraphDef:
    """The model without its weights."""
    return jax.eval_shape(lambda: nnx.split(dit.create(shape, jax.random.key(0))))[0]


@dataclasses.dataclass(frozen=True)
class Init:
    """Fresh weights of a shape; `relative_width` is that of `vdit.mup`."""

    shape: Shape
    relative_width: float = 1.0

    def __call__(self, key) -> nnx.State:
        return mup.at_start(nnx.split(dit.create(self.shape, key))[1], self.relative_width)


@dataclasses.dataclass(frozen=True)
class DiffusionLoss:
    """The objective's loss; captions dropped at random for guidance (2207.12598)."""

    shape: Shape
    objective: Objective
    drop_caption: float

    def __call__(self, weights, batch, key):
        x, caption = batch["latent"], batch["caption"]
        # One draw for all: every further call of threefry costs seconds of compilation.
        draw = jax.random.normal(key, (len(x), x[0].size + 2))
        noise, (u_t, u_drop) = draw[:, 2:].reshape(x.shape), jax.scipy.special.ndtr(draw[:, :2].T)
        kept = flow.per_clip(u_drop >= self.drop_caption, caption)
        caption = caption * kept.astype(caption.dtype)
        model = nnx.merge(graph_of(self.shape), weights)
        t = self.objective.times(u_t)
        return self.objective.losses(model, x, noise, t, caption).mean(), {}


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How noise becomes latents."""

    method: str
    steps: int
    guidance: Guidance


@functools.partial(jax.jit, static_argnames=("shape", "objective", "sampling"))
def generate(
    weights, key, caption, *, shape: Shape, objective: Objective, sampling: Sampling
) -> jax.Array:
    """Latents (B, T, H, W, C) for captions (B, S); the key fixes the noise."""
    model = nnx.merge(graph_of(shape), weights)
    noise = jax.random.normal(key, (len(caption), *shape.latent))
    steps, method, guidance = sampling.steps, sampling.method, sampling.guidance
    # Only ancestral sampling draws more noise; its keys come from another stream than the first's.
    later = jax.random.fold_in(key, 1) if method == "ancestral" else None
    return objectives.sample(objective, model, noise, caption, steps, method, guidance, later)


@functools.partial(jax.jit, static_argnames=("shape", "objective"))
def triple_losses(weights, key, x, t_B, caption, *, shape: Shape, objective: Objective):
    """(B,) losses on fixed clips, noise levels and (by the key) noises."""
    noise = jax.random.normal(key, x.shape)
    return objective.losses(nnx.merge(graph_of(shape), weights), x, noise, t_B, caption)


class VideoTask:
    """See `vdit.tasks`; builds the latent cache first where it does not exist."""

    def __init__(self, config):
        folder = latents.prepare(config)
        self.config = config
        self.records = latents.Records(folder, "train")
        self.validation = latents.Records(folder, "validation")
        self.meta, self.cache = self.records.meta, folder
        self.shape = shape_of(config, len(self.meta["words"]), self.meta["text_features"])
        self.init = Init(self.shape, mup.relative_width(config))
        self.objective = objectives.create(config)
        self.loss = DiffusionLoss(self.shape, self.objective, config.model.drop_caption)
        self.flops_per_clip = training_flops(self.shape)
        s = config.sampling
        interval = tuple(s.interval) or Guidance().interval
        self.sampling = Sampling(s.method, s.steps, Guidance(s.guidance, interval, s.rescale))
        self.set_sampling()
        self.coder = load_coder(config.autoencoder)

    # --- sampling -------------------------------------------------------------------------------

    def sample(self, weights, captions, seed: int, batch: int = 16) -> np.ndarray:
        """Decoded videos uint8 (B, T, H, W, 3) for tokens or embeddings (B, S[, F])."""
        videos = []
        for i in range(0, len(captions), batch):
            part = captions[i : i + batch]
            full = np.concatenate(
                [part, np.zeros((batch - len(part), *part.shape[1:]), part.dtype)]
            )
            key = jax.random.fold_in(jax.random.key(seed), i)
            x = generate(
                weights,
                key,
                full,
                shape=self.shape,
                objective=self.objective,
                sampling=self.sampling,
            )
            videos.append(self.coder.decode(latents.denormalise(x, self.meta))[: len(part)])
        return np.concatenate(videos)

    def preview(self, weights, step: int | str, workdir) -> np.ndarray:
        """The same few captions and noises at every step and in every run, as files to look at."""
        count = self.config.sampling.count
        rows = self.validation.rows(self._shown(count))
        videos = self.sample(weights, rows["caption"], self.config.data.seed)
        name = step if isinstance(step, str) else f"step_{step:06d}"
        media.write_all(workdir / "samples", name, videos)
        return videos

    def _shown(self, count: int) -> np.ndarray:
        return np.linspace(0, len(self.validation) - 1, count).astype(int)

    # --- measuring ------------------------------------------------------------------------------

    def measure(self, state, workdir) -> dict:
        """Losses and pictures of a finished run; writes samples/ and losses.npz."""
        per_triple = {"loss": self.triples(state.params), "loss_ema": self.triples(state.ema)}
        np.savez(workdir / "losses.npz", t=self._levels(), **per_triple)
        self.preview(state.ema, "final", workdir)
        self._show_real(workdir)
        seen = {"loss_train": float(self.triples(state.ema, self.records).mean())}
        return self._columns(per_triple) | seen | self.facts()

    def losses(self, params, ema) -> dict:
        """Columns of the losses of raw and averaged weights."""
        return self._columns({"loss": self.triples(params), "loss_ema": self.triples(ema)})

    def _columns(self, per_triple: dict) -> dict:
        columns = {"validation": self.validation_id(), "psnr": self.meta["psnr"]}
        for name, values in per_triple.items():
            columns |= summary(name, self._levels(), values)
        return columns

    def triples(self, weights, records=None, batch: int = 64) -> np.ndarray:
        """(M,) losses on validation (or the given) records, the same (clip, t, noise) in all runs.

        On training records it is the loss that over-fitting is measured against.
        """
        records = records or self.validation
        t, out = self._levels(), []
        key = jax.random.key(self.config.validation.seed)
        for i in range(0, len(t), batch):
            rows = records.rows(np.arange(i, i + batch) % len(records))
            levels = np.resize(t[i : i + batch], batch)
            noise = jax.random.fold_in(key, i)
            loss = triple_losses(
                weights,
                noise,
                rows["latent"],
                levels,
                rows["caption"],
                shape=self.shape,
                objective=self.objective,
            )
            out.append(np.asarray(loss)[: len(t) - i])
        return np.concatenate(out)

    def _levels(self) -> np.ndarray:
        return np.asarray(flow.fixed_levels(self.config.validation.triples))

    def validation_id(self) -> str:
        """Identity of the validation triples: rows of different ones are never compared."""
        text = json.dumps([self.meta["key"], dict(self.config.validation), "uniform t"])
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def facts(self) -> dict:
        """Columns that the config and the data fix."""
        config, s = self.config, self.shape
        clips = config.steps * config.batch
        return count_params(s) | {
            "objective": self.objective.name,
            "dataset": self.meta["dataset"],
            "autoencoder": self.meta["autoencoder"],
            "depth": s.depth,
            "width": s.width,
            "tokens": clips * s.tokens,
            "clips": clips,
            "unique_clips": len(self.records),
            "epochs": clips / len(self.records),
            "flops": clips * self.flops_per_clip,
        }

    def score(self, weights) -> dict:
        """Scores of sampled videos; on the embedded world by finding the objects."""
        count = self.config.evaluation.clips
        if self.meta["dataset"] != "worlds" or not count:
            return {}
        chosen = np.arange(count) % len(self.validation)
        rows = self.validation.rows(chosen)
        source = latents.open_source(self.config.data, "validation")
        clips = [source[int(i)] for i in chosen]
        words = [clip["caption"] for clip in clips]
        videos = self.sample(weights, rows["caption"], self.config.evaluation.seed)
        real = np.stack([clip["video"] for clip in clips])
        return scores.score_clips(videos, words) | self._ceiling(rows, real, words)

    def _ceiling(self, rows, real, words) -> dict:
        """Scores of the real clips, and of these through the autoencoder; kept with the cache."""
        from vdit.checkpoint import write_json

        path = self.cache / f"ceiling_{len(real)}.json"
        if not path.exists():
            coded = self.coder.decode(latents.denormalise(rows["latent"], self.meta))
            found = {"real": scores.score_clips(real, words)}
            found["coded"] = scores.score_clips(coded, words)
            write_json(path, {_about(k, w): v for w, s in found.items() for k, v in s.items()})
        return json.loads(path.read_text())

    def tokens(self, caption: str) -> np.ndarray:
        """Words to tokens (S,); names those that no training caption had."""
        if self.meta["text_features"]:
            raise InputError("this run was trained on given embeddings: it takes no --prompt")
        tokens = latents.vocabulary(self.meta).encode(caption)
        if UNKNOWN in tokens:
            print("some words of the prompt were not in the training captions", file=sys.stderr)
        return tokens

    def set_sampling(self, **changes) -> None:
        """Other steps, scale of guidance or method than the config's."""
        if "guidance" in changes:
            changed = dataclasses.replace(self.sampling.guidance, scale=changes["guidance"])
            changes = changes | {"guidance": changed}
        self.sampling = dataclasses.replace(self.sampling, **changes)
        objectives.check(self.objective, self.sampling.method)

    def _show_real(self, workdir) -> None:
        source = latents.open_source(self.config.data, "validation")
        items = [source[int(i)] for i in self._shown(self.config.sampling.count)]
        media.write_all(workdir / "samples", "real", np.stack([x["video"] for x in items]))
        captions = {"captions": [x["caption"] for x in items]}
        (workdir / "samples" / "samples.json").write_text(json.dumps(captions))


def summary(name: str, t: np.ndarray, losses: np.ndarray) -> dict[str, float]:
    """Mean, standard error, and mean in each tenth of t."""
    error = losses.std(ddof=1) / np.sqrt(len(losses))
    columns = {name: losses.mean(), f"{name}_se": error}
    tenth = np.minimum((t * TENTHS).astype(int), TENTHS - 1)
    columns |= {f"{name}_t{k:02d}": losses[tenth == k].mean() for k in range(TENTHS)}
    return {k: float(v) for k, v in columns.items()}


def _about(score: str, what: str) -> str:
    """`permanence_se` of real clips is `permanence_real_se`."""
    return f"{score[:-3]}_{what}_se" if score.endswith("_se") else f"{score}_{what}"
