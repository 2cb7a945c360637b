"""Videos against videos, pixel by pixel: similarity, simple predictions, motion."""
