"""Networks trained elsewhere that judge videos here: their layers in JAX, their weights read in."""
