"""`Generator`: config, weights, objective, autoencoder, statistics and vocabulary in one object."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import jax
import numpy as np
from flax import nnx
from ml_collections import ConfigDict

from vdit.autoencoders.autoencoder import Autoencoder
from vdit.config import versions
from vdit.config.model_config import CAPTIONER, ModelConfig
from vdit.data.statistics import LatentStatistics
from vdit.data.text import UNKNOWN, Vocabulary
from vdit.diffusion import flow, objectives
from vdit.diffusion.guidance import Rows
from vdit.diffusion.programs import fixed_losses
from vdit.errors import InputError
from vdit.generator.sampling import check_frames, sample_in_batches
from vdit.runs import digests
from vdit.runs.files import write_json
from vdit.runs.weights import save_weights

if TYPE_CHECKING:
    from vdit.data.byte_pairs import BytePairs
    from vdit.data.continuation import ConditioningFrames
    from vdit.data.embeddings.encoder import TextEncoder

FOLDER, FILE, WEIGHTS, AUTOENCODER = "generator", "generator.json", "weights.npz", "autoencoder"
BATCH = 16  # clips that are sampled at once

Weights = Literal["ema", "params"]


@dataclasses.dataclass(frozen=True)
class Generator:
    """`config` the model's, `settings` those of its objective and sampling (parts of a run's
    config), `video` (T, H, W) of a clip in pixels, `weights` those in use: averaged or raw.

    It computes in `config.dtype`, a run's in what that was trained in: its losses on any device are
    then of one kind.

    `vocabulary` (words, byte pairs, or the text encoder that embeds prompts) is None for a model
    that was trained on given embeddings, `fps` (frames a second of its clips) where its data did
    not say. `params` and `ema` are None as long as no weights are there.
    """

    config: ModelConfig
    settings: dict[str, Any]
    video: tuple[int, int, int]
    autoencoder: Autoencoder
    statistics: LatentStatistics
    vocabulary: "Vocabulary | BytePairs | TextEncoder | None"
    fps: float | None = None
    params: nnx.State | None = None
    ema: nnx.State | None = None
    step: int = 0
    weights: Weights = "ema"

    @property
    def objective(self) -> objectives.Objective:
        """What the model was trained for; `InputError` for a captioner, which makes no videos."""
        if self.config.attention == CAPTIONER:
            raise InputError("a captioner makes no videos: expected a run of another objective")
        return objectives.create(ConfigDict(self.settings)).for_tokens(self.config.tokens)

    @property
    def sampling(self) -> objectives.Sampling:
        """How noise becomes latents, unless `sample` is told otherwise."""
        return objectives.sampling_of(self.settings["sampling"], self.null)

    @property
    def null(self) -> Rows:
        """The empty prompt's embedding (n, F), which stands for no caption; () of tokens."""
        return encoder.empty if (encoder := self._text_encoder) else ()

    @property
    def _text_encoder(self) -> "TextEncoder | None":
        """Known by what it has: who loads another run imports none of it."""
        return self.vocabulary if hasattr(self.vocabulary, "empty") else None

    def with_weights(self, params: nnx.State, ema: nnx.State, step: int = 0) -> "Generator":
        """The same with other weights."""
        return dataclasses.replace(self, params=params, ema=ema, step=step)

    def using(self, weights: Weights) -> "Generator":
        """The same with the averaged or the raw weights in use; `InputError` for other names."""
        if weights not in ("ema", "params"):
            raise InputError(f"weights={weights!r}: expected ema or params")
        return dataclasses.replace(self, weights=weights)

    def at(self, shape: str) -> "Generator":
        """The same for clips of another shape, WxH@F in pixels and frames; `InputError` for one
        that the autoencoder, the patches or the positions do not know."""
        from vdit.config import buckets
        from vdit.generator.shape import at_shape

        return at_shape(self, buckets.parse(shape))

    def with_text_encoder(self, folder: str | pathlib.Path) -> "Generator":
        """The same with its text encoder in another folder, which is read when a prompt is.

        Raises `InputError` for a model that has none, or for another encoder.
        """
        if not self._text_encoder:
            raise InputError(f"text encoder {folder}: this run was trained without one")
        moved = dataclasses.replace(self._text_encoder, folder=str(folder))
        moved.check()
        return dataclasses.replace(self, vocabulary=moved)

    # --- sampling -------------------------------------------------------------------------------

    def sample(
        self,
        prompts: Sequence[str] | np.ndarray,
        seed: int = 0,
        *,
        steps: int | None = None,
        guidance: float | None = None,
        method: str | None = None,
        frames: "ConditioningFrames | None" = None,
        strength: float | None = None,
        batch: int | None = None,
    ) -> np.ndarray:
        """Videos uint8 (B, T, H, W, 3) for B captions: texts, tokens (B, S), embeddings (B, S, F).

        `steps`, `guidance` (1 is none) and `method` are the run's own by default. `frames` (see
        `conditioning`) are kept as they are; those of an edit are noised to the share `strength`.
        Noise is drawn for `batch` clips at a time: the same seed and batch, the same videos. Raises
        `InputError` for what the model was not trained for.
        """
        asked = {"steps": steps, "method": method, "scale": guidance, "strength": strength}
        sampling = objectives.changed(self.sampling, **asked)
        objectives.check(self.objective, sampling.method)
        captions = self.tokens(prompts)
        check_frames(self, len(captions), frames, strength)
        batch = min(BATCH, len(captions)) if batch is None else batch
        for name, number in (("steps", sampling.steps), ("batch", batch)):
            if number < 1:
                raise InputError(f"{name}={number}: expected 1 or more")
        return sample_in_batches(self, captions, seed, sampling, frames, batch)

    def conditioning(self, task: str, video: np.ndarray) -> "ConditioningFrames":
        """A task's (`vdit.data.continuation.TASKS`, or edit) frames of a video (F, H, W, 3)."""
        from vdit.data.continuation import frames_for

        return frames_for(task, video, self.video[0], self.config.latent[0])

    def tokens(self, prompts: Sequence[str] | np.ndarray) -> np.ndarray:
        """Captions as the model reads them: tokens (B, S), or embeddings (B, S, F) as given."""
        if isinstance(prompts, str):
            raise InputError(f"prompts {prompts!r}: expected a list of captions, not one text")
        if not len(prompts):
            raise InputError("prompts: expected at least one caption; an empty one is none")
        if isinstance(prompts, np.ndarray) and prompts.dtype.kind in "iuf":
            return self._checked(prompts)
        if self.vocabulary is None:
            raise InputError("this run was trained on given embeddings: it takes no prompts")
        texts = list(map(str, prompts))
        if encoder := self._text_encoder:
            return encoder.embed(texts)
        return np.stack(list(map(self.vocabulary.encode, texts)))

    def _checked(self, tokens: np.ndarray) -> np.ndarray:
        words, features = self.config.text_length, self.config.text_features
        expected = (len(tokens), words, features) if features else (len(tokens), words)
        if tokens.shape != expected:
            raise InputError(f"captions {tokens.shape}: expected {expected}")
        return tokens

    def knows(self, prompt: str) -> bool:
        """Whether all words of a prompt were in the training captions; a text encoder knows all."""
        if self._text_encoder:
            return True
        return UNKNOWN not in self.tokens([prompt])

    # --- losses ---------------------------------------------------------------------------------

    def losses(
        self, clips: np.ndarray, captions: Sequence[str] | np.ndarray, seed: int = 0
    ) -> np.ndarray:
        """(B,) losses of uint8 clips (B, T, H, W, 3) at fixed timesteps and noises, the same for
        every model: t is uniform on [0, 1], one in each of B strata.

        Latents are rounded to half precision, as those that training caches.
        """
        tokens, shape = self.tokens(captions), (len(captions), *self.video, 3)
        if np.shape(clips) != shape or clips.dtype != np.uint8:
            raise InputError(f"clips {np.shape(clips)}: expected uint8 {shape}, one a caption")
        latents = self.autoencoder.encode(clips).astype(np.float16).astype(np.float32)
        t = np.asarray(flow.fixed_timesteps(len(clips)))
        return self.fixed_losses(self.statistics.normalise(latents), tokens, t, seed)

    def fixed_losses(
        self, latents: np.ndarray, captions: np.ndarray, t: np.ndarray, seed: int, batch: int = 64
    ) -> np.ndarray:
        """(M,) losses of normalised latents (N, ...) at timesteps t (M,); clip i is i modulo N."""
        key, out = jax.random.key(seed), []
        for i in range(0, len(t), batch):
            at = np.arange(i, i + batch) % len(latents)
            loss = fixed_losses(
                self.chosen_weights(),
                jax.random.fold_in(key, i),
                latents[at],
                np.resize(t[i : i + batch], batch),
                captions[at],
                config=self.config,
                objective=self.objective,
            )
            out.append(np.asarray(loss)[: len(t) - i])
        return np.concatenate(out)

    def chosen_weights(self) -> nnx.State:
        """Those in use; `InputError` where there are none yet."""
        chosen = self.ema if self.weights == "ema" else self.params
        if chosen is None:
            raise InputError("this generator has no weights yet: expected a trained one")
        return chosen

    # --- files ----------------------------------------------------------------------------------

    def save(self, folder: str | pathlib.Path) -> None:
        """Writes all of it, and digests; generator.json comes last, so that a folder which has one
        is whole."""
        folder = pathlib.Path(folder)
        for former in (FILE, WEIGHTS, digests.FILE):
            (folder / former).unlink(missing_ok=True)
        if self.params is not None:
            self.save_weights(folder)
        self.autoencoder.save(folder / AUTOENCODER)
        words = self.vocabulary and dataclasses.asdict(self.vocabulary)
        about = {"format": versions.FORMAT, "config": dataclasses.asdict(self.config)}
        about |= {
            "settings": self.settings,
            "video": self.video,
            "fps": self.fps,
            "statistics": self.statistics._asdict(),
        }
        write_json(folder / FILE, about | {"vocabulary": words})
        digests.write(folder)

    def save_weights(self, folder: str | pathlib.Path) -> None:
        """The weights and their step alone, in one file, beside what `save` wrote."""
        tree = {"params": self.params, "ema": self.ema, "step": np.int32(self.step)}
        save_weights(pathlib.Path(folder) / WEIGHTS, tree)
        digests.write(folder, [WEIGHTS])
