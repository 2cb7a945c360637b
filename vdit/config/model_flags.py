"""A model's config on the command line, for the commands that count and plan. No JAX here."""

import argparse
import dataclasses

from vdit.config.activations import ITEM
from vdit.config.model_config import POSITIONS, VARIANTS, ModelConfig, checked
from vdit.config.sizes import SIZES, size_of
from vdit.errors import InputError


def add(parser: argparse.ArgumentParser, dtype: str = "float32") -> None:
    """The flags that `asked` reads."""
    parser.add_argument("--size", help=", ".join(SIZES))
    parser.add_argument("--depth", help="layers, if others; of a U-Net, blocks of a level")
    parser.add_argument("--patch", default="1,2,2", help="frames, height, width of a patch")
    parser.add_argument("--latent", default="1,32,32,4", help="T,H,W,C of a clip's latents")
    parser.add_argument("--attention", default="full", help=", ".join(VARIANTS))
    parser.add_argument("--classes", default="0", help="class labels, the null label apart")
    parser.add_argument("--text", default="0", help="caption tokens; words are not counted")
    parser.add_argument("--positions", default="rotary", help=", ".join(POSITIONS))
    parser.add_argument("--dtype", default=dtype, help=", ".join(ITEM))
    parser.add_argument("--no_qk_norm", action="store_true", help="queries, keys as they are")
    parser.add_argument("--learn_sigma", action="store_true", help="a learned variance comes out")


def integers(flag: str, text: str, count: int, least: int) -> tuple[int, ...]:
    """Whole numbers with commas between them; `InputError` names the flag."""
    words = text.split(",")
    if len(words) != count or not all(w.strip().isdecimal() and int(w) >= least for w in words):
        wanted = f"{count} whole numbers of at least {least}" if count > 1 else f"{least} or more"
        raise InputError(f"--{flag} {text}: expected {wanted}")
    return tuple(map(int, words))


def asked(args: argparse.Namespace) -> ModelConfig:
    """The config that the flags ask for; checked, each error one line."""
    if args.size is None:
        raise InputError(f"--size is missing; expected one of {', '.join(SIZES)}")
    (classes,), (text,) = (integers(f, getattr(args, f), 1, 0) for f in ("classes", "text"))
    if classes and text:
        raise InputError("--classes and --text: expected one of them")
    if args.dtype not in ITEM:
        raise InputError(f"--dtype {args.dtype}: expected one of {', '.join(ITEM)}")
    latent = integers("latent", args.latent, 4, 1)
    size = size_of(args.size)
    if args.depth:
        size = size._replace(depth=integers("depth", args.depth, 1, 1)[0])
    config = ModelConfig(latent, integers("patch", args.patch, 3, 1), *size)
    condition = "text" if text else "label" if classes else "none"
    changes = {k: getattr(args, k) for k in ("attention", "positions", "learn_sigma", "dtype")}
    changes |= {"condition": condition, "text_length": text or 1, "vocabulary": classes + 1}
    return checked(dataclasses.replace(config, qk_norm=not args.no_qk_norm, **changes))
