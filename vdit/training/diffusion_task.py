"""Learning to generate videos: diffusion on cached latents."""

import dataclasses
import hashlib
import json
import sys

import jax
import numpy as np

from vdit.autoencoders.load import load_autoencoder
from vdit.config.flops import count_params, training_flops
from vdit.config.sizes import model_config_of
from vdit.data import continuation, latents, media
from vdit.data.text import UNKNOWN
from vdit.diffusion import flow, objectives
from vdit.diffusion.guidance import Guidance
from vdit.diffusion.objectives import Sampling
from vdit.errors import InputError
from vdit.evaluators import worlds
from vdit.training import init_from, mup
from vdit.training.programs import DiffusionLoss, Init, Known, generate, triple_losses

TENTHS = 10


class VideoTask:
    """See `vdit.training.tasks`; builds the latent cache first where it does not exist."""

    def __init__(self, config):
        folder = latents.prepare(config)
        self.config = config
        self.records = latents.Records(folder, "train")
        self.validation = latents.Records(folder, "validation")
        self.meta, self.cache = self.records.meta, folder
        self.shape = model_config_of(config, len(self.meta["words"]), self.meta["text_features"])
        self.init = Init(self.shape, mup.relative_width(config))
        self.objective = objectives.create(config)
        model = config.model
        self.loss = DiffusionLoss(
            self.shape, self.objective, model.drop_caption, model.get("given", 0.0)
        )
        self.flops_per_clip = training_flops(self.shape)
        s = config.sampling
        interval = tuple(s.interval) or Guidance().interval
        self.sampling = Sampling(s.method, s.steps, Guidance(s.guidance, interval, s.rescale))
        self.set_sampling()
        self.coder = load_autoencoder(config.autoencoder)

    def begin(self, weights):
        """Fresh ones, or with those of `config.init` in their places."""
        if not self.config.get("init"):
            return weights
        source = init_from.load(self.config.init, self.shape.heads)
        weights, said = init_from.begin(source, self.shape, weights)
        print(f"{self.config.init}: {said}", file=sys.stderr) if said else None
        return weights

    # --- sampling -------------------------------------------------------------------------------

    def sample(self, weights, captions, seed: int, batch: int = 16, given=None) -> np.ndarray:
        """Decoded videos uint8 (B, T, H, W, 3) for tokens or embeddings (B, S[, F]).

        `given` (a `continuation.Given` of as many clips) are frames to go on from, kept as they
        are, or clips to edit.
        """
        fixed = {"shape": self.shape, "objective": self.objective, "sampling": self.sampling}
        videos = []
        for i in range(0, len(captions), batch):
            full = _filled(captions[i : i + batch], batch)
            known = (
                None
                if given is None
                else self._known(_filled(given.clips[i : i + batch], batch), given)
            )
            key = jax.random.fold_in(jax.random.key(seed), i)
            x = generate(weights, key, full, known, **fixed)
            videos.append(self.coder.decode(latents.denormalise(x, self.meta)))
        made = np.concatenate(videos)[: len(captions)]
        return made if given is None else continuation.kept(made, given)

    def _known(self, clips, given) -> Known:
        clean = latents.normalise(self.coder.encode(clips), self.meta)
        if given.latents is None:
            return Known(clean, None)
        if not self.loss.given:
            raise InputError("this run was trained without given frames (model.given=0)")
        return Known(clean, np.tile(given.latents, (len(clips), 1)))

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
            "flops_shared": config.trunk.step * config.batch * self.flops_per_clip,
        }

    def score(self, weights) -> dict:
        """Scores of sampled videos; on the embedded world by finding the objects."""
        return worlds.score(self, weights)

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


def _filled(rows: np.ndarray, count: int) -> np.ndarray:
    """`count` rows, zeros behind those there are: one compiled program for every batch."""
    return np.concatenate([rows, np.zeros((count - len(rows), *rows.shape[1:]), rows.dtype)])


def summary(name: str, t: np.ndarray, losses: np.ndarray) -> dict[str, float]:
    """Mean, standard error, and mean in each tenth of t."""
    error = losses.std(ddof=1) / np.sqrt(len(losses))
    columns = {name: losses.mean(), f"{name}_se": error}
    tenth = np.minimum((t * TENTHS).astype(int), TENTHS - 1)
    columns |= {f"{name}_t{k:02d}": losses[tenth == k].mean() for k in range(TENTHS)}
    return {k: float(v) for k, v in columns.items()}
