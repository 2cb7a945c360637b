"""Trained models as other libraries have them: one file for one format, found by its name.

A format is a module here whose `write(model, folder)` writes a `Generator` into an empty folder and
returns lines that say how it is used, and what of the run is not in it.
"""

FORMATS = ("diffusers",)
