"""Rigid bodies in a box: elastic bounces off walls and each other, solved from event to event."""

import dataclasses
import math
from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

State = tuple[float, float, float, float]  # x, y, vx, vy


@dataclasses.dataclass
class Body:
    """One body: centre (x, y) and velocity in px and px/frame; `reach` is what the walls feel.

    `reach` = (left, right, up, down), distances from the centre to its edges. Other bodies feel a
    disc of `radius`. Plain Python floats: + - * / and sqrt round alike on every machine.
    """

    x: float
    y: float
    vx: float
    vy: float
    mass: float
    radius: float
    reach: tuple[float, float, float, float]

    def advance(self, time: float, gravity: float) -> None:
        """Free flight (y points down)."""
        self.x += self.vx * time
        self.y += self.vy * time + 0.5 * gravity * time * time
        self.vy += gravity * time


def travel_time(distance: float, speed: float, acceleration: float) -> float:
    """First time >= 0 at which `distance` is covered moving forwards; inf if never.

    s = v t + a t^2 / 2, written without cancellation. A body that leaves (v <= 0) comes back only
    if a > 0.
    """
    distance = max(distance, 0.0)
    discriminant = speed * speed + 2.0 * acceleration * distance
    if speed > 0.0:
        return 2.0 * distance / (speed + math.sqrt(discriminant)) if discriminant >= 0 else math.inf
    return (math.sqrt(discriminant) - speed) / acceleration if acceleration > 0 else math.inf


def wall_times(
    body: Body, width: float, height: float, gravity: float
) -> tuple[float, float, float, float]:
    """Times to the left, right, upper and lower wall."""
    left, right, up, down = body.reach
    return (
        travel_time(body.x - left, -body.vx, 0.0),
        travel_time(width - right - body.x, body.vx, 0.0),
        travel_time(body.y - up, -body.vy, -gravity),
        travel_time(height - down - body.y, body.vy, gravity),
    )


def contact_time(a: Body, b: Body) -> float:
    """Time until two discs touch; inf if never. Gravity drops out of their relative motion."""
    x, y, vx, vy = b.x - a.x, b.y - a.y, b.vx - a.vx, b.vy - a.vy
    closing = x * vx + y * vy
    if closing >= 0.0:
        return math.inf
    gap = max(x * x + y * y - (a.radius + b.radius) * (a.radius + b.radius), 0.0)
    discriminant = closing * closing - (vx * vx + vy * vy) * gap
    return gap / (math.sqrt(discriminant) - closing) if discriminant >= 0.0 else math.inf


def collide(a: Body, b: Body) -> None:
    """Elastic collision of two smooth discs: momentum and energy are kept."""
    x, y = b.x - a.x, b.y - a.y
    closing = x * (b.vx - a.vx) + y * (b.vy - a.vy)
    push = 2.0 * closing / ((a.mass + b.mass) * (x * x + y * y))
    a.vx, a.vy = a.vx + push * b.mass * x, a.vy + push * b.mass * y
    b.vx, b.vy = b.vx - push * a.mass * x, b.vy - push * a.mass * y


class Event(NamedTuple):
    """A bounce after `time`: of one body off a wall (0 to 3), or of two off each other."""

    time: float
    bodies: tuple[Body, ...]
    wall: int | None


def next_event(bodies: Sequence[Body], width: float, height: float, gravity: float) -> Event:
    """The first bounce to come; its time is inf where there is none."""
    first = Event(math.inf, (), None)
    for body in bodies:
        for wall, time in enumerate(wall_times(body, width, height, gravity)):
            if time < first.time:
                first = Event(time, (body,), wall)
    for pair in combinations(bodies, 2):
        time = contact_time(*pair)
        if time < first.time:
            first = Event(time, pair, None)
    return first


def bounce(event: Event) -> None:
    """Carries out one event."""
    if event.wall is None:
        return collide(*event.bodies)
    (body,) = event.bodies
    if event.wall < 2:
        body.vx = -body.vx
    else:
        body.vy = -body.vy


def simulate(
    bodies: Sequence[Body], num_frames: int, width: float, height: float, gravity: float = 0.0
) -> tuple[list[list[State]], list[list[bool]]]:
    """Moves `bodies` (changed in place) for `num_frames` frames, one unit of time apart.

    Returns states[t][k] = (x, y, vx, vy) and bounced[t][k]: a bounce since the frame before.
    """
    states = [[(b.x, b.y, b.vx, b.vy) for b in bodies]]
    bounced = [[False] * len(bodies)]
    event = next_event(bodies, width, height, gravity)
    wait = event.time
    for _ in range(num_frames - 1):
        left, hit = 1.0, [False] * len(bodies)
        while wait <= left:
            _advance(bodies, wait, gravity)
            bounce(event)
            hit = [h or any(b is i for i in event.bodies) for h, b in zip(hit, bodies, strict=True)]
            left -= wait
            event = next_event(bodies, width, height, gravity)
            wait = event.time
        _advance(bodies, left, gravity)
        wait -= left
        states.append([(b.x, b.y, b.vx, b.vy) for b in bodies])
        bounced.append(hit)
    return states, bounced


def _advance(bodies: Sequence[Body], time: float, gravity: float) -> None:
    for body in bodies:
        body.advance(time, gravity)
