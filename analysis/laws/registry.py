"""The laws of loss that the engine fits, by their names."""

from analysis import laws
from analysis.laws.law import Law
from analysis.laws.method import Method

FOUND = {name: laws.find(name) for name in laws.names()}
LAWS: dict[str, Law] = {k: law for k, law in FOUND.items() if not isinstance(law, Method)}
