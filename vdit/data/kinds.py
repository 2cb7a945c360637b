"""The objects that chance puts into a clip of the embedded world: of which kinds, and where."""

from collections.abc import Sequence
from typing import NamedTuple

from vdit.data.bounces import Body
from vdit.data.render import HULL, REACH, Box
from vdit.data.scenes import TRIES, Random, draw_motion
from vdit.data.truth import Objects
from vdit.data.wording import Phrase
from vdit.errors import InputError


class Kinds(NamedTuple):
    """What objects may be: sizes (word, share of the frame's side), words, and (least, most) speed;
    none has all the words of an entry of `held_out`."""

    sizes: tuple[tuple[str, float], ...]
    shapes: tuple[str, ...]
    colours: tuple[str, ...]
    motions: tuple[str, ...]
    speeds: tuple[float, float]
    held_out: tuple[str, ...]

    def allow(self, phrase: Phrase) -> bool:
        """Whether an object may be this."""
        unseen = any(set(words.split()) <= set(phrase) for words in self.held_out)
        return phrase.motion in self.motions and not unseen


class Kind(NamedTuple):
    """What one object is: its words, its radius in px, its velocity in px/frame."""

    phrase: Phrase
    radius: float
    vx: float
    vy: float


def draw_objects(
    random: Random,
    kinds: Kinds,
    count: int,
    gravity: float,
    frame: tuple[int, int],
    bar: Box | None,
) -> Objects:
    """`count` objects of different colours, or fewer where they found no place."""
    colours, objects = list(kinds.colours), Objects([], [], [])
    for _ in range(count):
        kind = draw_kind(random, kinds, colours, gravity, min(frame))
        colours.remove(kind.phrase.colour)
        body = place_body(random, kind, frame, bar, objects.bodies)
        if body is None:
            break
        objects.phrases.append(kind.phrase)
        objects.bodies.append(body)
        objects.radii.append(kind.radius)
    return objects


def draw_kind(
    random: Random, kinds: Kinds, colours: Sequence[str], gravity: float, unit: float
) -> Kind:
    """One of the kinds; lengths are in px, shares of `unit`. `InputError` where none is found."""
    for _ in range(TRIES):
        (size, share), shape = random.choice(kinds.sizes), random.choice(kinds.shapes)
        colour = random.choice(colours)
        motion, vx, vy = draw_motion(random, gravity, unit, kinds.speeds)
        phrase = Phrase(size, colour, shape, motion)
        if kinds.allow(phrase):
            return Kind(phrase, share * unit, vx, vy)
    raise InputError("worlds: motions and held_out leave no object to draw")


def redraw_velocities(
    random: Random, objects: Objects, gravity: float, unit: float, speeds: tuple[float, float]
) -> None:
    """Sets the objects in motion anew, each as its words say."""
    for body, phrase in zip(objects.bodies, objects.phrases, strict=True):
        motion = ""
        while motion != phrase.motion:
            motion, body.vx, body.vy = draw_motion(random, gravity, unit, speeds)


def place_body(
    random: Random,
    kind: Kind,
    frame: tuple[int, int],
    bar: Box | None,
    others: Sequence[Body],
) -> Body | None:
    """A Body of that kind, clear of the others and of the bar; None if no place was found."""
    (_, _, shape, motion, _), radius, vx, vy = kind
    (height, width), hull = frame, radius * HULL[shape]
    left, right, up, down = reach = tuple(radius * r for r in REACH[shape])
    top, bottom = up, height - down
    if motion == "fall":
        bottom = top + 0.5 * (bottom - top)
    elif motion == "jump":
        top += 0.5 * (bottom - top)
    for _ in range(20):
        x, y = random.uniform(left, width - right), random.uniform(top, bottom)
        behind = bar and (bar[0] - right < x < bar[2] + left and bar[1] - down < y < bar[3] + up)
        # One pixel apart, so that the smoothed edges do not touch either.
        near = any(_too_near(x - o.x, y - o.y, hull + o.radius + 1) for o in others)
        if not behind and not near:
            return Body(x, y, vx, vy, radius * radius, hull, reach)
    return None


def _too_near(x: float, y: float, least: float) -> bool:
    return x * x + y * y < least * least
