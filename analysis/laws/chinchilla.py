"""L(N, D) = E + A N^-alpha + B D^-beta by Huber's loss on log residuals (2203.15556, appendix D.2).

In logs, log L = LSE(a - alpha log N, b - beta log D, e) with A = e^a, B = e^b, E = e^e. The sum of
Huber(delta) is minimised by damped Gauss-Newton on reweighted rows, for a batch of starts or of
resamples at once; N and D are counted from their geometric means while fitting.
"""

import numpy as np

from analysis.laws import forms

EXPONENTS = np.linspace(0.05, 1.6, 14)  # starts for alpha and for beta
SURVIVORS = 12  # starts that are followed to the end
STEEPEST = 5.0  # exponents are sought from 0 to this
FLOOR = 1e-6  # E below this share of the smallest loss is "zero"
NAMES = ("A", "B", "E", "alpha", "beta")
MIN_ROWS = 6


def fit(n, d, loss, delta=1e-3, bootstrap=0, rng=None):
    """Fit the law to sizes n, tokens d, losses (rows,); a dict of parameters, intervals, status."""
    problem = _Problem(n, d, loss, delta)
    if len(problem.y) < MIN_ROWS:
        return {"n": len(problem.y), "status": f"not identified: {len(problem.y)} rows"}
    whole = np.ones((1, len(problem.y)))
    starts = _starts(problem)
    ends, costs = _descend(problem, starts, np.repeat(whole, len(starts), 0))
    best = _polish(problem, ends[costs.argmin()])
    cost = float(problem.cost(best[None], whole)[0])
    result = {
        "n": len(problem.y),
        "objective": f"sum of Huber({delta:g}) on log residuals",
        "objective_value": cost,
        "parameters": problem.named(best),
        "derived": _derived(best),
        "starts": len(EXPONENTS) ** 2,
        "followed": len(starts),
        "agree": float(np.mean(costs < cost * 1.01 + 1e-12)),
        "status": _status(problem, best),
    }
    if bootstrap:
        counts = rng.multinomial(len(problem.y), whole[0] / whole.size, bootstrap).astype(float)
        ends, _ = _descend(problem, np.repeat(best[None], bootstrap, 0), counts)
        result["intervals"] = _intervals(problem, ends)
    return result


class _Problem:
    """Rows of one fit. Parameters are theta (P, 5): a, b, e, alpha, beta about the centre."""

    def __init__(self, n, d, loss, delta):
        log_n, log_d = np.log(np.asarray(n, float)), np.log(np.asarray(d, float))
        self.centre = log_n.mean(), log_d.mean()
        self.x, self.z = log_n - self.centre[0], log_d - self.centre[1]
        self.y = np.log(np.asarray(loss, float))
        self.delta = delta
        self.least_e = self.y.min() + np.log(FLOOR)

    def terms(self, theta):
        """Log of the three terms, (3, P, rows)."""
        a, b, e, alpha, beta = theta.T[:, :, None]
        return np.stack([a - alpha * self.x, b - beta * self.z, e + 0 * self.x])

    def residual(self, theta):
        """Log prediction minus log loss (P, rows), and each term's share (3, P, rows)."""
        terms = self.terms(theta)
        top = terms.max(0)
        parts = np.exp(terms - top)
        total = parts.sum(0)
        return top + np.log(total) - self.y, parts / total

    def cost(self, theta, counts):
        """Sum of Huber over rows taken `counts` (P, rows) times: (P,)."""
        return (counts * forms.huber(self.residual(theta)[0], self.delta)).sum(1)

    def jacobian(self, share):
        """Of the residual in theta: (P, rows, 5)."""
        return np.stack(
            [share[0], share[1], share[2], -self.x * share[0], -self.z * share[1]], axis=2
        )

    def clip(self, theta):
        """theta (P, 5) moved inside its bounds: exponents from 0 to STEEPEST, E above its floor."""
        theta[:, 2] = np.maximum(theta[:, 2], self.least_e)
        theta[:, 3:] = np.clip(theta[:, 3:], 0.0, STEEPEST)
        return theta

    def named(self, theta):
        """The parameters as they are printed, N and D in their own units."""
        a, b, e, alpha, beta = map(float, theta)
        return {
            "A": float(np.exp(a + alpha * self.centre[0])),
            "B": float(np.exp(b + beta * self.centre[1])),
            "E": float(np.exp(e)) if e > self.least_e else 0.0,
            "alpha": alpha,
            "beta": beta,
        }


def _starts(problem):
    """For given exponents the law is linear in A, B, E: solve those and keep the best starts."""
    alpha, beta = (grid.ravel() for grid in np.meshgrid(EXPONENTS, EXPONENTS))
    loss = np.exp(problem.y)
    design = np.stack(
        [
            np.exp(-alpha[:, None] * problem.x),
            np.exp(-beta[:, None] * problem.z),
            np.ones((len(alpha), len(loss))),
        ],
        axis=2,
    )
    design /= loss[:, None]
    linear = np.einsum("pkr,r->pk", np.linalg.pinv(design), np.ones(len(loss)))
    logs = np.log(np.maximum(linear, 1e-3 * loss.min()))
    theta = np.stack([logs[:, 0], logs[:, 1], logs[:, 2], alpha, beta], axis=1)
    costs = problem.cost(theta, np.ones((len(theta), len(loss))))
    return theta[np.argsort(costs)[:SURVIVORS]]


def _descend(problem, theta, counts, iterations=300, tolerance=1e-11):
    """Damped Gauss-Newton on rows reweighted by min(1, delta / |residual|): theta (P, 5), cost."""
    theta = theta.copy()
    damping = np.full(len(theta), 1e-3)
    cost = problem.cost(theta, counts)
    active, quiet = np.arange(len(theta)), np.zeros(len(theta), int)
    for _ in range(iterations):
        proposal = _step(problem, theta[active], counts[active], damping[active])
        new = problem.cost(proposal, counts[active])
        better = new < cost[active]
        small = ~(cost[active] - new > tolerance * cost[active])
        won = active[better]
        theta[won], cost[won] = proposal[better], new[better]
        damping[active] = np.clip(damping[active] * np.where(better, 0.3, 8.0), 1e-12, 1e8)
        quiet[active] = np.where(small, quiet[active] + 1, 0)
        active = active[quiet[active] < 6]
        if len(active) == 0:
            break
    return theta, cost


def _step(problem, theta, counts, damping):
    residual, share = problem.residual(theta)
    weight = counts * np.minimum(1, problem.delta / np.maximum(np.abs(residual), 1e-300))
    jacobian = problem.jacobian(share)
    weighted = jacobian * weight[:, :, None]
    hessian = np.swapaxes(weighted, 1, 2) @ jacobian
    gradient = (weighted * residual[:, :, None]).sum(1)
    diagonal = np.einsum("pii->pi", hessian)
    # In place on a view: damp relative to each parameter's own curvature, never by zero.
    diagonal += damping[:, None] * diagonal + 1e-14 * diagonal.max(1, keepdims=True) + 1e-300
    proposal = theta - np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
    return problem.clip(proposal)


def _polish(problem, theta):
    """The last digits of the winner, by scipy's BFGS on the same objective."""
    from scipy import optimize

    whole = np.ones((1, len(problem.y)))
    scale = max(float(problem.cost(theta[None], whole)[0]), 1e-30)

    def objective(point):
        residual, share = problem.residual(point[None])
        slope = np.clip(residual[0], -problem.delta, problem.delta)
        value = forms.huber(residual, problem.delta).sum()
        return value / scale, slope @ problem.jacobian(share)[0] / scale

    found = optimize.minimize(objective, theta, jac=True, method="BFGS", options={"gtol": 1e-10})
    inside = np.array_equal(found.x, problem.clip(found.x[None].copy())[0])
    return found.x if found.fun <= objective(theta)[0] and inside else theta


def _derived(theta):
    alpha, beta = float(theta[3]), float(theta[4])
    total = max(alpha + beta, 1e-12)
    return {"a": beta / total, "b": alpha / total}


def _intervals(problem, ends):
    draws = [{**problem.named(theta), **_derived(theta)} for theta in ends]
    names = (*NAMES, "a", "b")
    return {k: np.percentile([draw[k] for draw in draws], [2.5, 97.5]).tolist() for k in names}


def _status(problem, theta):
    named = problem.named(theta)
    for name in ("alpha", "beta"):
        if not 0 < named[name] < STEEPEST:
            return f"bound hit: {name} is {named[name]:g}"
    _, share = problem.residual(theta[None])
    jacobian = problem.jacobian(share)[0]
    condition = np.linalg.cond(jacobian / np.linalg.norm(jacobian, axis=0))
    if named["E"] == 0:
        return "bound hit: E is zero"
    if condition > 1e6:
        return f"not identified: condition number {condition:.0e}"
    return "converged"
