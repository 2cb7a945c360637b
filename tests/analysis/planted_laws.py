"""Runs on a ladder of shapes, and laws written out plainly to plant losses on them."""

import numpy as np

PARAMETERS = {
    "power": {"A": 20.0, "g": 0.13},
    "frontier": {"A": 300.0, "E": 0.3, "g": 0.2},
    "chinchilla": {"A": 40.0, "B": 30.0, "E": 0.3, "alpha": 0.4, "beta": 0.3},
    "gamma": {"A": 40.0, "B": 30.0, "E": 0.3, "alpha": 0.4, "beta": 0.3, "gamma": 0.7},
    "kaplan": {"Nc": 8.8e13, "Dc": 5.4e13, "alpha_N": 0.076, "alpha_D": 0.095},
    "width_depth": {
        **{"A_width": 10.0, "A_depth": 2.0, "A_tokens": 100.0, "E": 0.5},
        **{"alpha_width": 0.5, "alpha_depth": 0.8, "alpha_tokens": 0.3},
    },
    "width_depth_params": {
        **{"A_width": 10.0, "A_depth": 2.0, "A_params": 50.0, "A_tokens": 100.0, "E": 0.5},
        **{"alpha_width": 0.5, "alpha_depth": 0.8, "alpha_params": 0.35, "alpha_tokens": 0.3},
    },
}


def runs():
    """Inputs by role, 84 runs."""
    width = np.repeat([128.0, 192, 256, 384, 512, 768, 1024], 12)
    depth = np.tile(np.repeat([4.0, 8, 16, 32], 3), 7)
    params = 12 * width**2 * depth + 4096 * width
    tokens = np.random.default_rng(0).permutation(np.geomspace(1e6, 1e10, 84))
    flops = 6 * params * tokens
    return {
        "width": width,
        "depth": depth,
        "params": params,
        "tokens": tokens,
        "flops": flops,
    }


def loss(law, inputs, noise=0.0, seed=0):
    """Losses of a law at PARAMETERS, times exp(noise x normal)."""
    t, x = PARAMETERS[law], inputs
    plain = {
        "power": lambda: t["A"] * x["flops"] ** -t["g"],
        "frontier": lambda: t["E"] + t["A"] * x["flops"] ** -t["g"],
        "chinchilla": lambda: t["E"] + _two_terms(t, x),
        "gamma": lambda: t["E"] + _two_terms(t, x) ** t["gamma"],
        "kaplan": lambda: (
            ((t["Nc"] / x["params"]) ** (t["alpha_N"] / t["alpha_D"]) + t["Dc"] / x["tokens"])
            ** t["alpha_D"]
        ),
    }.get(law, lambda: t["E"] + sum(t[f"A_{k}"] * x[k] ** -t[f"alpha_{k}"] for k in _terms(t)))()
    return plain * np.exp(noise * np.random.default_rng(seed).standard_normal(len(plain)))


def _two_terms(t, x):
    return t["A"] * x["params"] ** -t["alpha"] + t["B"] * x["tokens"] ** -t["beta"]


def _terms(t):
    return [name.removeprefix("alpha_") for name in t if name.startswith("alpha_")]


def chinchilla_optimum(c, A, B, alpha, beta, flops_per_nd=6.0):
    """N and D that minimise the loss at compute c = flops_per_nd N D (2203.15556, equation 4)."""
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    nd = np.asarray(c) / flops_per_nd
    return G * nd ** (beta / (alpha + beta)), nd ** (alpha / (alpha + beta)) / G
