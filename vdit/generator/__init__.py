"""A trained model as one thing: all that using it takes, and nothing of its data or its trainer.

A folder that `Generator.save` wrote holds generator.json, weights.npz and autoencoder/. A run's
folder has it as generator/; its checkpoints hold the weights of other steps.
"""

from vdit.generator.generator import AUTOENCODER, BATCH, FILE, FOLDER, WEIGHTS, Generator, Weights
from vdit.generator.reading import at_step, load, place_of, read

__all__ = [
    "AUTOENCODER",
    "BATCH",
    "FILE",
    "FOLDER",
    "WEIGHTS",
    "Generator",
    "Weights",
    "at_step",
    "load",
    "place_of",
    "read",
]
