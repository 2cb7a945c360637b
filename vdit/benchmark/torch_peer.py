"""The same VideoDiT, training step and draws in PyTorch, with `torch.compile`: the peer in a pair.

    python -m vdit.benchmark.torch_peer '{"model": {...}, "batch": 8}'

Full attention, rotary positions, captions by cross-attention: what the demo trains. It runs in a
process of its own, so that neither library's threads disturb the other's: after the seconds that
compilation took it reads a number of steps from each line of its input and answers with the seconds
they took. The only file of the package that imports PyTorch; a test holds its outputs to ours.
"""

import json
import math
import sys
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vdit.config.model_config import ModelConfig
from vdit.models.embed import rotary_angles

EPSILON = 1e-6
DECAY, DROP_CAPTION = 0.999, 0.1  # as `vdit.benchmark.step` has them


class Attention(nn.Module):
    """Self-attention with normalised, rotated queries and keys."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.q_norm = nn.RMSNorm(width // heads, EPSILON)
        self.k_norm = nn.RMSNorm(width // heads, EPSILON)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        q, k, v = (h.unflatten(-1, (self.heads, -1)) for h in self.qkv(x).chunk(3, -1))
        q, k = rotated(self.q_norm(q), cos, sin), rotated(self.k_norm(k), cos, sin)
        return self.out(attend(q, k, v))


class CrossAttention(nn.Module):
    """Tokens look at the caption."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.q, self.kv = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.out = nn.Linear(width, width)
        self.q_norm = nn.RMSNorm(width // heads, EPSILON)
        self.k_norm = nn.RMSNorm(width // heads, EPSILON)

    def forward(self, x: Tensor, words: Tensor, key_mask: Tensor) -> Tensor:
        q = self.q_norm(self.q(x).unflatten(-1, (self.heads, -1)))
        k, v = (h.unflatten(-1, (self.heads, -1)) for h in self.kv(words).chunk(2, -1))
        return self.out(attend(q, self.k_norm(k), v, key_mask[:, None, None]))


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """(B, N, K, E) each; PyTorch's own kernel."""
    q, k, v = (h.transpose(1, 2) for h in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, mask).transpose(1, 2).flatten(2)


def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Each pair (x1, x2) of a head turned by its token's angle."""
    x1, x2 = x.chunk(2, -1)
    return torch.cat([x1 * cos - x2 * sin, x1 * sin + x2 * cos], -1)


def norm(x: Tensor) -> Tensor:
    """Layer norm without parameters."""
    return F.layer_norm(x, x.shape[-1:], eps=EPSILON)


def gated(f: Callable[[Tensor], Tensor], x: Tensor, modulation: Tensor) -> Tensor:
    """adaLN-Zero around one part."""
    shift, scale, gate = modulation[:, None].chunk(3, -1)
    return x + gate * f(norm(x) * (1 + scale) + shift)


class MLP(nn.Module):
    """Two layers and a tanh GELU."""

    def __init__(self, width: int, hidden: int):
        super().__init__()
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.gelu(self.up(x), approximate="tanh"))


class Block(nn.Module):
    """Attention, cross-attention, MLP."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.modulation = nn.Linear(config.width, 6 * config.width)
        self.attentions = nn.ModuleList([Attention(config.width, config.heads)])
        self.cross = CrossAttention(config.width, config.heads)
        self.mlp = MLP(config.width, int(config.width * config.mlp_ratio))

    def forward(
        self,
        x: Tensor,
        c: Tensor,
        words: Tensor,
        key_mask: Tensor,
        cos: Tensor,
        sin: Tensor,
    ) -> Tensor:
        first, last = self.modulation(c).chunk(2, -1)
        x = gated(lambda h: self.attentions[0](h, cos, sin), x, first)
        x = x + self.cross(norm(x), words, key_mask)
        return gated(self.mlp, x, last)


class VideoDiT(nn.Module):
    """velocity = model(x (B, T, H, W, C), t (B,), caption (B, S))."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config, width = config, config.width
        self.patches = nn.Linear(config.patch_numbers, width)
        self.timestep_embedding = nn.ModuleDict(
            {"up": nn.Linear(config.frequencies, width), "out": nn.Linear(width, width)}
        )
        self.words = nn.Parameter(torch.randn(config.vocabulary, width) * width**-0.5)
        self.positions = nn.Parameter(torch.randn(config.text_length, width) * width**-0.5)
        self.pool = nn.Linear(width, width)
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.depth)])
        self.final_modulation = nn.Linear(width, 2 * width)
        self.output = nn.Linear(width, config.output_numbers)
        angles = torch.from_numpy(rotary_angles(config.grid, width // config.heads))[:, None]
        self.register_buffer("cos", angles.cos())
        self.register_buffer("sin", angles.sin())

    def forward(self, x: Tensor, t: Tensor, caption: Tensor) -> Tensor:
        (time_, high, wide), (pt, ph, pw) = self.config.grid, self.config.patch
        h = x.unflatten(3, (wide, pw)).unflatten(2, (high, ph)).unflatten(1, (time_, pt))
        h = self.patches(h.permute(0, 1, 3, 5, 2, 4, 6, 7).flatten(4).flatten(1, 3))
        c, words, key_mask = self.condition(t, caption)
        for block in self.blocks:
            h = block(h, c, words, key_mask, self.cos, self.sin)
        shift, scale = self.final_modulation(c)[:, None].chunk(2, -1)
        y = self.output(norm(h) * (1 + scale) + shift)
        y = y.unflatten(1, (time_, high, wide)).unflatten(4, (pt, ph, pw, -1))
        return y.permute(0, 1, 4, 2, 5, 3, 6, 7).reshape(x.shape)

    def condition(self, t: Tensor, caption: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What modulates, (B, D); the words (B, S, D); their key mask (B, S)."""
        half = self.config.frequencies // 2
        rate = torch.exp(
            -math.log(self.config.max_period) * torch.arange(half, device=t.device) / half
        )
        angle = 1000 * t[:, None] * rate
        level = self.timestep_embedding["up"](torch.cat([angle.cos(), angle.sin()], -1))
        words = self.words[caption] + self.positions
        place = torch.arange(caption.shape[1], device=t.device)
        length = torch.where(caption > 0, place + 1, 1).amax(1, keepdim=True)
        key_mask = place < length
        pooled = self.pool((words * key_mask[..., None]).sum(1) / key_mask.sum(1, keepdim=True))
        return F.silu(self.timestep_embedding["out"](F.silu(level)) + pooled), words, key_mask


class Trainer:
    """Model, AdamW, clipping and moving average; `step` is what our `train_step` does."""

    def __init__(self, config: ModelConfig, batch: int):
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.config, self.batch = config, batch
        self.autocast = config.dtype == "bfloat16"
        self.model = VideoDiT(config).to(self.device)
        self.weights = list(self.model.parameters())
        self.ema = [w.detach().clone() for w in self.weights]
        self.optimizer = torch.optim.AdamW(
            self.weights, 1e-3, betas=(0.9, 0.99), weight_decay=0.0, fused=True
        )
        self.loss = torch.compile(self._loss)

    def _loss(self, x: Tensor, caption: Tensor) -> Tensor:
        batch = len(x)
        u = (torch.arange(batch, device=x.device) + torch.rand(batch, device=x.device)) / batch
        t = torch.sigmoid(torch.special.ndtri(u.clamp(1e-6, 1 - 1e-6)))
        noise, kept = torch.randn_like(x), torch.rand(batch, 1, device=x.device) >= DROP_CAPTION
        level = t[:, None, None, None, None]
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.autocast):
            velocity = self.model((1 - level) * x + level * noise, t, caption * kept)
        return (velocity.float() - (noise - x)).square().mean()

    def step(self, x: Tensor, caption: Tensor) -> None:
        """One training step on a batch."""
        self.loss(x, caption).backward()
        torch.nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        torch._foreach_lerp_(self.ema, [w.detach() for w in self.weights], 1 - DECAY)

    def run(self, steps: int) -> float:
        """Seconds of so many steps, on batches from the host."""
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(self.batch, *self.config.latent, generator=generator)
        size = (self.batch, self.config.text_length)
        caption = torch.randint(0, self.config.vocabulary, size, generator=generator)
        began = time.perf_counter()
        for _ in range(steps):
            self.step(x.to(self.device), caption.to(self.device))
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - began


def main() -> None:
    """Answers a number of steps with the seconds that they took, line by line."""
    case = json.loads(sys.argv[1])
    lists = {k: tuple(v) if isinstance(v, list) else v for k, v in case["model"].items()}
    trainer = Trainer(ModelConfig(**lists), case["batch"])
    print(trainer.run(1), flush=True)
    for line in sys.stdin:
        print(trainer.run(int(line)), flush=True)


if __name__ == "__main__":
    main()
