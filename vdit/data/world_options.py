"""Options of the embedded world that make no world: each is named in one line."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vdit.data.render import COLOURS, HULL, SHAPES
from vdit.data.wording import PULLED, STRAIGHT
from vdit.errors import InputError

SPLITS = ("train", "validation")


def check(options: Mapping[str, Any]) -> None:
    """Raises `InputError` for a wrong one among all options of `Worlds`."""
    shape = tuple(options[name] for name in ("num_frames", "height", "width"))
    shares = {name: options[name] for name in ("gravity", "occluder", "labelled")}
    sizes, motions = dict(options["sizes"]), options["motions"]
    shown = options["shapes"], options["colours"], sizes
    check_clips(options["length"], options["split"], options["seed"], shape, **shares)
    check_objects(options["max_objects"], *shown, shape[1:])
    check_motions(motions, options["speeds"], options["gravity"])
    check_held_out(options["held_out"], *shown, motions)


def check_clips(
    length: int,
    split: str,
    seed: int,
    shape: tuple[int, int, int],
    source: str = "worlds",
    **shares: float,
) -> None:
    """Raises `InputError` for a wrong option of a source's clips; `shape` is (T, H, W)."""
    frames, height, width = shape
    _raise_first(
        (length < 1, f"length {length}: expected at least 1"),
        (split not in SPLITS, f"split {split!r}: expected one of {SPLITS}"),
        (seed < 0, f"seed {seed}: expected 0 or more"),
        (frames < 1, f"num_frames {frames}: expected at least 1"),
        (min(height, width) < 16, f"height, width {height}, {width}: expected at least 16"),
        *((not 0 <= p <= 1, f"{name} {p}: expected a probability") for name, p in shares.items()),
        source=source,
    )


def check_objects(
    count: int,
    shapes: Sequence[str],
    colours: Sequence[str],
    sizes: Mapping[str, float],
    frame: tuple[int, int],
) -> None:
    """Raises `InputError` for a wrong option of objects; `frame` is (H, W)."""
    height, width = frame
    largest = 2 * max(HULL.values()) * max(sizes.values(), default=0) * min(height, width)
    words = sizes and all(word.isalpha() for word in sizes) and min(sizes.values()) > 0
    few = f"expected 1 to {len(colours)}, a colour each"
    full = f"no room for {count} of the largest in a frame of {height}x{width}"
    _raise_first(
        (not _among(shapes, SHAPES), f"shapes {shapes}: expected some of {SHAPES}"),
        (
            not _among(colours, COLOURS),
            f"colours {colours}: expected some of {tuple(COLOURS)}, each once",
        ),
        (not 1 <= count <= len(colours), f"max_objects {count}: {few}"),
        (not words, f"sizes {sizes}: expected words with a share of the frame's side each"),
        (count * largest * largest > 0.7 * height * width, f"sizes {sizes}: {full}"),
    )


def check_motions(motions: Sequence[str], speeds: tuple[float, float], gravity: float) -> None:
    """Raises `InputError` for a wrong option of motions; `gravity` is its probability."""
    every = (*STRAIGHT, *PULLED)
    _raise_first(
        (not _among(motions, every), f"motions {motions}: expected some of {every}, each once"),
        *(
            (needed and not set(motions) & set(kind), f"motions {motions}: expected one of {kind}")
            for needed, kind in ((gravity < 1, STRAIGHT), (gravity > 0, PULLED))
        ),
        (
            len(speeds) != 2 or not 0 < speeds[0] <= speeds[1],
            f"speeds {speeds}: expected the least and the most, above 0",
        ),
    )


def check_held_out(held_out: Iterable[str], *kinds: Sequence[str]) -> None:
    """Raises `InputError` unless these are combinations: words of two or more of the `kinds`."""
    if isinstance(held_out, str):
        raise InputError(f"worlds: held_out {held_out!r}: expected a list of combinations")
    for combination in held_out:
        words = combination.split()
        chosen = [sum(word in kind for word in words) for kind in kinds]
        _raise_first(
            (
                sum(chosen) != len(words) or len(words) < 2 or max(chosen) > 1,
                f"held_out {combination!r}: expected two words or more, one each of "
                + ", ".join("|".join(kind) for kind in kinds),
            )
        )


def _raise_first(*conditions: tuple[bool, str], source: str = "worlds") -> None:
    for wrong, message in conditions:
        if wrong:
            raise InputError(f"{source}: {message}")


def _among(chosen: Sequence[str], known: Iterable[str]) -> bool:
    return bool(chosen) and set(chosen) <= set(known) and len(set(chosen)) == len(chosen)
