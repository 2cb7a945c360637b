"""The kinds of parts that networks share: products, attention, norms, tables. No JAX here."""

import dataclasses

from vdit.config.part import NOTHING, ActivationBytes, Axes, Part, Weight, named

TOKENS, WORDS, CLIP = "tokens", "words", "clip"  # whose rows: a clip's, its caption's, or neither


@dataclasses.dataclass(frozen=True)
class Dense(Part):
    """y = x W + b on so many rows; keeps x where these are tokens. Vectors of a clip are left out,
    a caption's words are kept once for all (`Held`). `first`: x needs no gradient; `last`: nothing
    of its layer needs y."""

    name: str
    rows: int
    d_in: int
    d_out: int
    axes: Axes
    of: str = TOKENS
    first: bool = False
    last: bool = False

    @property
    def flops(self) -> int:
        return 2 * self.rows * self.d_in * self.d_out

    @property
    def weights(self) -> list[Weight]:
        kernel = Weight(f"{self.name}.kernel", (self.d_in, self.d_out), self.axes)
        return [kernel, Weight(f"{self.name}.bias", (self.d_out,), self.axes[1:])]

    def kept(self, item: int) -> ActivationBytes:
        read = named(item * self.rows * self.d_in, self.axes[-2])
        return read if self.of == TOKENS else NOTHING

    def made(self, item: int) -> ActivationBytes:
        return NOTHING if self.of == CLIP or self.last else self._written(item)

    def moved(self, item: int) -> ActivationBytes:
        return self.kept(item) + self._written(item) if self.of == TOKENS else NOTHING

    def _written(self, item: int) -> ActivationBytes:
        return named(item * self.rows * self.d_out, self.axes[-1])


@dataclasses.dataclass(frozen=True)
class Attention(Part):
    """softmax(q k) v: each of `rows` queries sees `attended` of `keys`. Keeps q, k, v and the
    softmax, before it and after it, which is float32 (a fused kernel does not); `axis` is full,
    space, time or split, or words for a caption's."""

    axis: str
    rows: int
    attended: float
    keys: int
    width: int
    heads: int

    @property
    def flops(self) -> int:
        return int(2 * self.rows * self.attended * self.width * 2)

    def kept(self, item: int) -> ActivationBytes:
        qkv = item * (self.rows + 2 * self.keys) * self.width
        return ActivationBytes(0, qkv, (item + 4) * self.heads * self.rows * self.attended)

    def made(self, item: int) -> ActivationBytes:
        return ActivationBytes(split=item * self.rows * self.width)

    def moved(self, item: int) -> ActivationBytes:
        tokens = 2 * self.rows + 2 * self.keys * (self.axis != WORDS)
        return ActivationBytes(split=item * tokens * self.width)


@dataclasses.dataclass(frozen=True)
class Norm(Part):
    """Keeps what enters it, and `numbers` float32 of each row. A learned scale has a name."""

    rows: int
    width: int
    numbers: int = 2
    axis: str | None = None
    name: str = ""
    scale: int = 0

    @property
    def weights(self) -> list[Weight]:
        return [Weight(f"{self.name}.scale", (self.scale,), (None,))] * bool(self.scale)

    def kept(self, item: int) -> ActivationBytes:
        return named(item * self.rows * self.width, self.axis) + self.made(item)

    def made(self, item: int) -> ActivationBytes:
        return named(4 * self.rows * self.numbers, self.axis)


@dataclasses.dataclass(frozen=True)
class Held(Part):
    """Rows that are kept beside what products and norms keep: what enters a GELU or a gate."""

    rows: int
    width: int
    axis: str | None = None

    def kept(self, item: int) -> ActivationBytes:
        return named(item * self.rows * self.width, self.axis)


@dataclasses.dataclass(frozen=True)
class Mask(Part):
    """Of a caption's softmax, one for all layers: for each score a bit, in a byte, and a fill."""

    scores: int

    def kept(self, item: int) -> ActivationBytes:
        return ActivationBytes(scores=5 * self.scores)


@dataclasses.dataclass(frozen=True)
class Table(Part):
    """Rows of the model's width, looked up or added."""

    name: str
    rows: int
    width: int

    @property
    def weights(self) -> list[Weight]:
        return [Weight(self.name, (self.rows, self.width), (None, "embed"))]
