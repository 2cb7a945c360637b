"""Rigid bodies in a box: elastic bounces off walls and each other, solved from event to event."""

import dataclasses
import math
from itertools import combinations


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

    def advance(self, time, gravity):
        """Free flight (y points down)."""
        self.x += self.vx * time
        self.y += self.vy * time + 0.5 * gravity * time * time
        self.vy += gravity * time


def travel_time(distance, speed, acceleration):
    """First time >= 0 at which `distance` is covered moving forwards; inf if never.

    s = v t + a t^2 / 2, written without cancellation. A body that leaves (v <= 0) comes back only
    if a > 0.
    """
    distance = max(distance, 0.0)
    discriminant = speed * speed + 2.0 * acceleration * distance
    if speed > 0.0:
        return 2.0 * distance / (speed + math.sqrt(discriminant)) if discriminant >= 0 else math.inf
    return (math.sqrt(discriminant) - speed) / acceleration if acceleration > 0 else math.inf


def wall_times(body, width, height, gravity):
    """Times to the left, right, upper and lower wall."""
    left, right, up, down = body.reach
    return (
        travel_time(body.x - left, -body.vx, 0.0),
        travel_time(width - right - body.x, body.vx, 0.0),
        travel_time(body.y - up, -body.vy, -gravity),
        travel_time(height - down - body.y, body.vy, gravity),
    )


def contact_time(a, b):
    """Time until two discs touch; inf if never. Gravity drops out of their relative motion."""
    x, y, vx, vy = b.x - a.x, b.y - a.y, b.vx - a.vx, b.vy - a.vy
    closing = x * vx + y * vy
    if closing >= 0.0:
        return math.inf
    gap = max(x * x + y * y - (a.radius + b.radius) * (a.radius + b.radius), 0.0)
    discriminant = closing * closing - (vx * vx + vy * vy) * gap
    return gap / (math.sqrt(discriminant) - closing) if discriminant >= 0.0 else math.inf


def collide(a, b):
    """Elastic collision of two smooth discs: momentum and energy are kept."""
    x, y = b.x - a.x, b.y - a.y
    closing = x * (b.vx - a.vx) + y * (b.vy - a.vy)
    push = 2.0 * closing / ((a.mass + b.mass) * (x * x + y * y))
    a.vx, a.vy = a.vx + push * b.mass * x, a.vy + push * b.mass * y
    b.vx, b.vy = b.vx - push * a.mass * x, b.vy - push * a.mass * y


def next_event(bodies, width, height, gravity):
    """(time, bodies involved, wall or None) of the first bounce to come."""
    first = (math.inf, (), None)
    for body in bodies:
        for wall, time in enumerate(wall_times(body, width, height, gravity)):
            if time < first[0]:
                first = (time, (body,), wall)
    for pair in combinations(bodies, 2):
        time = contact_time(*pair)
        if time < first[0]:
            first = (time, pair, None)
    return first


def bounce(involved, wall):
    """Carries out one event."""
    if wall is None:
        return collide(*involved)
    (body,) = involved
    if wall < 2:
        body.vx = -body.vx
    else:
        body.vy = -body.vy


def simulate(bodies, num_frames, width, height, gravity=0.0):
    """Moves `bodies` (changed in place) for `num_frames` frames, one unit of time apart.

    Returns states[t][k] = (x, y, vx, vy) and bounced[t][k]: a bounce since the frame before.
    """
    states = [[(b.x, b.y, b.vx, b.vy) for b in bodies]]
    bounced = [[False] * len(bodies)]
    wait, involved, wall = next_event(bodies, width, height, gravity)
    for _ in range(num_frames - 1):
        left, hit = 1.0, [False] * len(bodies)
        while wait <= left:
            for body in bodies:
                body.advance(wait, gravity)
            bounce(involved, wall)
            hit = [h or any(b is i for i in involved) for h, b in zip(hit, bodies, strict=True)]
            left -= wait
            wait, involved, wall = next_event(bodies, width, height, gravity)
        for body in bodies:
            body.advance(left, gravity)
        wait -= left
        states.append([(b.x, b.y, b.vx, b.vy) for b in bodies])
        bounced.append(hit)
    return states, bounced
