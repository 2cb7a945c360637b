"""The parts of a captioner, as `vdit.models.captioner` has them. No JAX here."""

import dataclasses

from vdit.config import layers
from vdit.config.model_config import ModelConfig
from vdit.config.network import Layer, Network
from vdit.config.part import Part
from vdit.config.parts import Dense, Held, Norm, Table

STARTS = 3  # what a caption begins with: of any length, short, long


def network(c: ModelConfig) -> Network:
    """An encoder of the clip's patches and a decoder of words, `depth` layers each.

    To the decoder words are the tokens, and the clip is what they attend to. Its causal attention
    is counted in full, as `vdit.models.attend` computes it on a CPU.
    """
    words = dataclasses.replace(
        c, latent=(1, 1, c.text_length, 1), patch=(1, 1, 1), text_length=c.tokens
    )
    n, s, d = c.tokens, c.text_length, c.width
    encoder = *layers.self_attention(c, "encoder.attention", "full"), *_mlp(c, "encoder")
    decoder = (
        *layers.self_attention(words, "decoder.attention", "full"),
        *layers.cross_attention(words, "decoder.cross", d),
        *_mlp(words, "decoder"),
    )
    ends = (
        Dense("patches", n, c.patch_numbers, d, layers.INWARD, first=True),
        *(Norm(n, d), Held(n, d)),
        *(Table("caption.words", c.vocabulary, d), Table("caption.starts", STARTS, d)),
        *(Table("caption.places", s, d), Norm(s, d)),
        Dense("output", s, d, c.vocabulary, ("embed", None)),
    )
    return Network((Layer(encoder, n * d, c.depth), Layer(decoder, s * d, c.depth)), ends)


def _mlp(c: ModelConfig, name: str) -> list[Part]:
    hidden = int(c.width * c.mlp_ratio)
    return [Norm(c.tokens, c.width), *layers.mlp(f"{name}.mlp", c.tokens, c.width, hidden)]
