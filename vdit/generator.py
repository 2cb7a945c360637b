"""A trained model as one thing: all that using it takes, and nothing of its data or its trainer.

A folder that `Generator.save` wrote holds generator.json, weights.npz and autoencoder/. A run's
folder has it as generator/; its checkpoints hold the weights of other steps.
"""

import dataclasses
import pathlib
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

import jax
import numpy as np
from flax import nnx
from ml_collections import ConfigDict

from vdit.autoencoders.autoencoder import Autoencoder
from vdit.autoencoders.autoencoder import read as read_autoencoder
from vdit.config import versions
from vdit.config.model_config import ModelConfig
from vdit.data.byte_pairs import BytePairs
from vdit.data.statistics import LatentStatistics
from vdit.data.text import UNKNOWN, Vocabulary
from vdit.diffusion import flow, objectives
from vdit.diffusion.programs import Conditioning, fixed_losses, generate
from vdit.errors import InputError
from vdit.models import dit
from vdit.runs import digests
from vdit.runs.files import DamagedFileError, read_json, write_json
from vdit.runs.weights import load_weights, save_weights

if TYPE_CHECKING:
    from vdit.data.continuation import ConditioningFrames

FOLDER, FILE, WEIGHTS, AUTOENCODER = "generator", "generator.json", "weights.npz", "autoencoder"
BATCH = 16  # clips that are sampled at once

Weights = Literal["ema", "params"]


@dataclasses.dataclass(frozen=True)
class Generator:
    """`config` the model's, `settings` those of its objective and sampling (parts of a run's
    config), `video` (T, H, W) of a clip in pixels, `weights` those in use: averaged or raw.

    It computes in `config.dtype`, a run's in what that was trained in: its losses on any device are
    then of one kind.

    `vocabulary` is None for a model that was trained on given embeddings. `params` and `ema` are
    None as long as no weights are there.
    """

    config: ModelConfig
    settings: dict[str, Any]
    video: tuple[int, int, int]
    autoencoder: Autoencoder
    statistics: LatentStatistics
    vocabulary: Vocabulary | BytePairs | None
    params: nnx.State | None = None
    ema: nnx.State | None = None
    step: int = 0
    weights: Weights = "ema"

    @property
    def objective(self) -> objectives.Objective:
        """What the model was trained for."""
        return objectives.create(ConfigDict(self.settings))

    @property
    def sampling(self) -> objectives.Sampling:
        """How noise becomes latents, unless `sample` is told otherwise."""
        return objectives.sampling_of(self.settings["sampling"])

    def with_weights(self, params: nnx.State, ema: nnx.State, step: int = 0) -> "Generator":
        """The same with other weights."""
        return dataclasses.replace(self, params=params, ema=ema, step=step)

    def using(self, weights: Weights) -> "Generator":
        """The same with the averaged or the raw weights in use; `InputError` for other names."""
        if weights not in ("ema", "params"):
            raise InputError(f"weights={weights!r}: expected ema or params")
        return dataclasses.replace(self, weights=weights)

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
        self._check_frames(len(captions), frames, strength)
        batch = min(BATCH, len(captions)) if batch is None else batch
        for name, number in (("steps", sampling.steps), ("batch", batch)):
            if number < 1:
                raise InputError(f"{name}={number}: expected 1 or more")
        parts = []
        for i in range(0, len(captions), batch):
            part = slice(i, i + batch)
            key = jax.random.fold_in(jax.random.key(seed), i)
            conditioning = None if frames is None else self._conditioning(frames, part, batch)
            full = _filled(captions[part], batch)
            fixed = {"config": self.config, "objective": self.objective, "sampling": sampling}
            x = generate(self._weights(), key, full, conditioning, **fixed)
            parts.append(self.autoencoder.decode(self.statistics.denormalise(x)))
        made = np.concatenate(parts)[: len(captions)]
        if frames is None:
            return made
        from vdit.data.continuation import with_conditioning

        return with_conditioning(made, frames)

    def conditioning(self, task: str, video: np.ndarray) -> "ConditioningFrames":
        """A task's (`vdit.data.continuation.TASKS`, or edit) frames of a video (F, H, W, 3)."""
        from vdit.data.continuation import frames_for

        return frames_for(task, video, self.video[0], self.config.latent[0])

    def _check_frames(
        self, count: int, frames: "ConditioningFrames | None", strength: float | None
    ) -> None:
        edits = frames is not None and frames.latent_mask is None
        if edits != (strength is not None):
            raise InputError("strength: expected with the frames of an edit, and with no others")
        if strength is not None and not 0 < strength <= 1:
            raise InputError(f"strength={strength}: expected above 0, up to 1")
        if frames is not None and len(frames.clips) != count:
            raise InputError(
                f"frames of {len(frames.clips)} clips: expected {count}, one a caption"
            )
        if frames is not None and not edits and not self.config.frame_timesteps:
            raise InputError("this run was trained without conditioning frames (model.given=0)")

    def _conditioning(self, frames: "ConditioningFrames", part: slice, batch: int) -> Conditioning:
        clips = _filled(frames.clips[part], batch)
        clean = self.statistics.normalise(self.autoencoder.encode(clips))
        if frames.latent_mask is None:
            return Conditioning(clean, None)
        return Conditioning(clean, np.tile(frames.latent_mask, (batch, 1)))

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
        return np.stack([self.vocabulary.encode(str(prompt)) for prompt in prompts])

    def _checked(self, tokens: np.ndarray) -> np.ndarray:
        words, features = self.config.text_length, self.config.text_features
        expected = (len(tokens), words, features) if features else (len(tokens), words)
        if tokens.shape != expected:
            raise InputError(f"captions {tokens.shape}: expected {expected}")
        return tokens

    def knows(self, prompt: str) -> bool:
        """Whether all words of a prompt were in the training captions."""
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
                self._weights(),
                jax.random.fold_in(key, i),
                latents[at],
                np.resize(t[i : i + batch], batch),
                captions[at],
                config=self.config,
                objective=self.objective,
            )
            out.append(np.asarray(loss)[: len(t) - i])
        return np.concatenate(out)

    def _weights(self) -> nnx.State:
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
            "statistics": self.statistics._asdict(),
        }
        write_json(folder / FILE, about | {"vocabulary": words})
        digests.write(folder)

    def save_weights(self, folder: str | pathlib.Path) -> None:
        """The weights and their step alone, in one file, beside what `save` wrote."""
        tree = {"params": self.params, "ema": self.ema, "step": np.int32(self.step)}
        save_weights(pathlib.Path(folder) / WEIGHTS, tree)
        digests.write(folder, [WEIGHTS])


def read(folder: str | pathlib.Path, verify: bool = True) -> Generator:
    """What `Generator.save` wrote, its weights as they are there; None where none are, or damaged
    ones, which are named on stderr.

    `verify` checks the digests of its files. Raises `DamagedFileError` where another file is
    damaged.
    """
    folder = pathlib.Path(folder)
    damaged = digests.damaged(folder) if verify else []
    for name in set(damaged) - {WEIGHTS}:
        raise DamagedFileError(f"{folder / name}: damaged or missing")
    found = _without_weights(folder)
    if not (folder / WEIGHTS).exists() and not damaged:
        return found
    shapes, step = dit.weight_shapes(found.config), jax.ShapeDtypeStruct((), np.int32)
    try:
        if damaged:
            raise DamagedFileError(f"{folder / WEIGHTS}: damaged or missing")
        stored = load_weights(folder / WEIGHTS, {"params": shapes, "ema": shapes, "step": step})
    except DamagedFileError as error:
        print(f"{error}; the newest checkpoint is read instead", file=sys.stderr, flush=True)
        return found
    return found.with_weights(stored["params"], stored["ema"], int(stored["step"]))


def _without_weights(folder: pathlib.Path) -> Generator:
    about = read_json(folder / FILE, "what Generator.save wrote")
    versions.format_of(about, folder / FILE)
    words = about["vocabulary"]
    return Generator(
        config=ModelConfig(**{k: _tupled(v) for k, v in about["config"].items()}),
        settings=about["settings"],
        video=tuple(about["video"]),
        autoencoder=read_autoencoder(folder / AUTOENCODER),
        statistics=LatentStatistics(**about["statistics"]),
        vocabulary=words and _vocabulary(words),
    )


def _vocabulary(about: dict[str, Any]) -> Vocabulary | BytePairs:
    if "tokenizer" in about:
        return BytePairs(**about)
    return Vocabulary(**{k: _tupled(v) for k, v in about.items()})


def load(
    folder: str | pathlib.Path,
    older: Callable[[pathlib.Path], Generator],
    step: int | None = None,
    weights: Weights = "ema",
    verify: bool = True,
) -> Generator:
    """What `vdit.load` gives; `older` makes a generator of a run from before runs had one."""
    folder = pathlib.Path(folder)
    place = place_of(folder)
    found = read(place, verify) if place else older(folder)
    return at_step(found, folder, step, weights, verify)


def place_of(folder: str | pathlib.Path) -> pathlib.Path | None:
    """Where a generator's files lie: in the folder, or in a run folder's generator/; or None."""
    folder = pathlib.Path(folder)
    places = (folder, folder / FOLDER)
    return next((place for place in places if (place / FILE).exists()), None)


def at_step(
    found: Generator,
    folder: str | pathlib.Path,
    step: int | None,
    weights: Weights = "ema",
    verify: bool = True,
) -> Generator:
    """With the weights of a step of a run folder: by default those it has, else those of the newest
    whole checkpoint.

    Raises `InputError` where there is none of that step, `DamagedFileError` where it is damaged.
    """
    found = found.using(weights)
    if found.params is None or step not in (None, found.step):
        from vdit.runs.checkpoint import read_weights  # and with it Orbax

        shapes = dit.weight_shapes(found.config)
        step, stored = read_weights(folder, shapes, step, verify)
        found = found.with_weights(**stored, step=step)
    return found


def _filled(rows: np.ndarray, count: int) -> np.ndarray:
    """`count` rows, zeros behind those there are: one compiled program for every batch."""
    return np.concatenate([rows, np.zeros((count - len(rows), *rows.shape[1:]), rows.dtype)])


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
