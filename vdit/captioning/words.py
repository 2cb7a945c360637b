"""A captioner's words: how probable given ones are, and which it writes itself."""

import dataclasses
import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from vdit.config.model_config import CAPTIONER, ModelConfig
from vdit.data.text import NULL, UNKNOWN
from vdit.errors import InputError
from vdit.generator import Generator
from vdit.models import dit
from vdit.models.captioner import ANY, LONG, SHORT

BATCH = 64  # clips at once; rows that are missing are filled up, so that there is one program


@dataclasses.dataclass(frozen=True)
class Lengths:
    """Which lengths are asked for: a share `long` of the clips for longer captions than the median
    of those trained on, the others for shorter ones, by chance; None for what the captioner sees
    fit."""

    long: float | None = None
    seed: int = 0

    def starts(self, clips: Sequence[int]) -> np.ndarray:
        """(B,) the start token of each clip, by its number alone."""
        if self.long is None:
            return np.full(len(clips), ANY, np.int32)
        draws = [np.random.default_rng([self.seed, clip]).random() for clip in clips]
        return np.where(np.array(draws) < self.long, LONG, SHORT).astype(np.int32)


def check(model: Generator) -> None:
    """Raises `InputError` for a model that writes no captions."""
    if model.config.attention != CAPTIONER:
        found = model.settings["objective"]
        raise InputError(
            f"a model of objective={found}: expected a captioner (experiments/captioner.py)"
        )


def nats_per_token(logits_BSV: jax.Array, caption_BS: jax.Array) -> jax.Array:
    """(B,) mean of -log p of a caption's tokens, among them the null that ends it."""
    place_S = jnp.arange(caption_BS.shape[1])
    length_B = jnp.where(caption_BS != NULL, place_S + 1, 0).max(-1)
    there_BS = place_S <= length_B[:, None]
    log_p_BSV = jax.nn.log_softmax(logits_BSV)
    log_p_BS = jnp.take_along_axis(log_p_BSV, caption_BS[..., None], -1)[..., 0]
    return -(log_p_BS * there_BS).sum(-1) / there_BS.sum(-1)


def nats(model: Generator, latents: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """(B,) `nats_per_token` of captions (B, S) of normalised latents, by the weights in use."""
    parts = [
        _nats(model.chosen_weights(), filled(latents, i), filled(tokens, i), model.config)
        for i in range(0, len(latents), BATCH)
    ]
    return np.concatenate(parts)[: len(latents)]


def write(
    model: Generator, latents: np.ndarray, start: np.ndarray | int = ANY
) -> tuple[list[str], np.ndarray]:
    """Captions of normalised latents (B, t, h, w, C), and confidences (B,): the geometric mean of
    the probabilities of a caption's tokens. Word by word the most probable one, of the words of
    the training captions, the first none of blanks alone: no caption is empty. `start`, (B,),
    asks for lengths."""
    starts = np.broadcast_to(np.int32(start), len(latents))
    found, weights, blank = [], model.chosen_weights(), _blank(model)
    for i in range(0, len(latents), BATCH):
        found.append(_written(weights, filled(latents, i), filled(starts, i), blank, model.config))
    tokens, confidence = (np.concatenate(x)[: len(latents)] for x in zip(*found, strict=True))
    return [model.vocabulary.text(row) for row in tokens], confidence


def _blank(model: Generator) -> np.ndarray:
    """(V,) which tokens are no text: null, and the blank of byte pairs."""
    return np.array([not model.vocabulary.text([token]) for token in range(model.vocabulary.size)])


def filled(rows: np.ndarray, i: int) -> np.ndarray:
    """BATCH rows from i on, zeros behind the last."""
    part = rows[i : i + BATCH]
    return np.pad(part, [(0, BATCH - len(part))] + [(0, 0)] * (part.ndim - 1))


@functools.partial(jax.jit, static_argnames="config")
def _nats(weights, x_BTHWC, caption_BS, config: ModelConfig):
    model = nnx.merge(dit.graph_of(config), weights)
    start_B = jnp.full(len(x_BTHWC), ANY)
    return nats_per_token(model(x_BTHWC, start_B, caption_BS), caption_BS)


@functools.partial(jax.jit, static_argnames="config")
def _written(weights, x_BTHWC, start_B, blank_V, config: ModelConfig):
    """Tokens (B, S) and confidences (B,). The words before are read anew for each word: captions
    are short, and no cache need be kept."""
    model = nnx.merge(dit.graph_of(config), weights)
    clip_BND = model.encode(x_BTHWC)
    batch, length = len(x_BTHWC), config.text_length

    def word(i, state):
        caption_BS, log_p_B, count_B = state
        logits_BV = model.decode(clip_BND, start_B, caption_BS)[:, i]
        is_open_B = (i == 0) | (caption_BS[:, i - 1] != NULL)
        # What the model must not write: a word that it does not know, and nothing at all.
        logits_BV = logits_BV.at[:, UNKNOWN].set(-jnp.inf)
        logits_BV = jnp.where((i == 0) & blank_V, -jnp.inf, logits_BV)
        token_B = jnp.where(is_open_B, logits_BV.argmax(-1), NULL)
        log_p_B += jnp.where(is_open_B, jax.nn.log_softmax(logits_BV).max(-1), 0.0)
        return caption_BS.at[:, i].set(token_B), log_p_B, count_B + is_open_B

    begin = jnp.zeros((batch, length), jnp.int32), jnp.zeros(batch), jnp.zeros(batch, jnp.int32)
    caption_BS, log_p_B, count_B = jax.lax.fori_loop(0, length, word, begin)
    return caption_BS, jnp.exp(log_p_B / count_B)
