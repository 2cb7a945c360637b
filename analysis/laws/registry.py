"""Every law by its name."""

from analysis.laws.bnsl import BNSL
from analysis.laws.power_terms import PowerTerms
from analysis.laws.repeated import REPEATED

ND = ("params", "tokens")
SHAPE = ("width", "depth", "tokens")
FULL = ("width", "depth", "params", "tokens")


def _terms(inputs):
    return tuple(f"A_{name}" for name in inputs), tuple(f"alpha_{name}" for name in inputs)


POWER = PowerTerms("power", ("flops",), ("A", "g"), floor=False)
FRONTIER = PowerTerms("frontier", ("flops",), ("A", "E", "g"))
CHINCHILLA = PowerTerms("chinchilla", ND, ("A", "B", "E", "alpha", "beta"))
GAMMA = PowerTerms("gamma", ND, ("A", "B", "E", "alpha", "beta", "gamma"), outer="free")
KAPLAN = PowerTerms("kaplan", ND, ("Nc", "Dc", "alpha_N", "alpha_D"), floor=False, outer="last")
WIDTH_DEPTH, WIDTH_DEPTH_PARAMS = (
    PowerTerms(name, inputs, (*_terms(inputs)[0], "E", *_terms(inputs)[1]))
    for name, inputs in (("width_depth", SHAPE), ("width_depth_params", FULL))
)
SUMS = POWER, FRONTIER, CHINCHILLA, GAMMA, KAPLAN, WIDTH_DEPTH, WIDTH_DEPTH_PARAMS
LAWS = {law.name: law for law in (*SUMS, REPEATED, BNSL)}
