"""Bodies of the embedded world: collisions, walls and falls, as mechanics has them."""

import numpy as np

from vdit.data.bounces import Body, simulate


def ball(x, y, vx, vy, radius):
    return Body(x, y, vx, vy, radius * radius, radius, (radius,) * 4)


def test_a_head_on_collision_of_equals_swaps_velocities():
    bodies = [ball(10, 20, 2.0, 0.0, 3), ball(20, 20, 0.0, 0.0, 3)]
    states, bounced = simulate(bodies, 4, 40, 40)
    np.testing.assert_allclose(states[3], [(14, 20, 0, 0), (22, 20, 2, 0)], atol=1e-12)
    assert bounced == [[False, False], [False, False], [True, True], [False, False]]


def test_a_fall_is_a_parabola_and_bounces_back_up():
    states, bounced = simulate([ball(10, 10, 0.0, 0.0, 2)], 30, 20, 30, gravity=0.5)
    y = np.array(states)[:, 0, 1]
    np.testing.assert_allclose(y[:8], 10 + 0.25 * np.arange(8) ** 2)
    floor = 28
    landing = np.sqrt((floor - 10) / 0.25)
    after = np.arange(9, 15) - landing
    np.testing.assert_allclose(y[9:15], floor - 0.5 * landing * after + 0.25 * after**2)
    assert np.flatnonzero(bounced).tolist() == [9, 26]


def test_collisions_keep_momentum_and_energy():
    rng, collisions = np.random.default_rng(0), 0
    for _ in range(20):
        # Far from every wall, all but the first thrown at the first.
        places = 500 + np.array([(0, 0), (20, 3), (-18, 12)]) + rng.uniform(-2, 2, (3, 2))
        speeds = (500 - places) / 10
        bodies = [ball(*p, *v, r) for p, v, r in zip(places, speeds, (3, 4, 5), strict=True)]
        mass = np.array([9.0, 16.0, 25.0])
        states, bounced = simulate(bodies, 60, 1000, 1000)
        velocity = np.array(states)[:, :, 2:]
        momentum = (mass[:, None] * velocity).sum(1)
        energy = (mass * (velocity**2).sum(-1)).sum(1)
        np.testing.assert_allclose(momentum, momentum[:1].repeat(60, 0), atol=1e-9)
        np.testing.assert_allclose(energy, energy[0])
        collisions += np.sum(bounced) // 2
    assert collisions >= 20


def test_walls_and_gravity_keep_energy_and_nothing_escapes_or_overlaps():
    rng = np.random.default_rng(1)
    gravity, mass = 0.3, np.array([9.0, 16.0, 9.0])
    bodies = [ball(x, 20, *rng.normal(0, 2, 2), r) for x, r in ((8, 3), (20, 4), (32, 3))]
    states, bounced = simulate(bodies, 500, 40, 40, gravity)
    states = np.array(states)
    energy = (mass * ((states[..., 2:] ** 2).sum(-1) / 2 - gravity * states[..., 1])).sum(1)
    np.testing.assert_allclose(energy, energy[0], rtol=1e-9)
    radius = np.sqrt(mass)[:, None]
    assert (states[..., :2] > radius - 1e-6).all()
    assert (states[..., :2] < 40 - radius + 1e-6).all()
    for i, j in ((0, 1), (0, 2), (1, 2)):
        apart = np.linalg.norm(states[:, i, :2] - states[:, j, :2], axis=-1)
        assert (apart > radius[i] + radius[j] - 1e-6).all()
    assert np.sum(bounced) > 100
