"""The first joint law, L(N, D) = ((Nc / N)^(alpha_N / alpha_D) + Dc / D)^alpha_D.

Kaplan et al., 2001.08361, equation 1.5; it has no floor.
"""

from analysis.laws.power_terms import PowerTerms

PARAMETERS = ("Nc", "Dc", "alpha_N", "alpha_D")
FORM = "L(N, D) = ((Nc / N)^(alpha_N / alpha_D) + Dc / D)^alpha_D"
LAW = PowerTerms("kaplan", ("params", "tokens"), PARAMETERS, floor=False, outer="last")
