"""A 3-D world: walks through the maps of Freedoom, as ViZDoom (1605.02097) shows them."""
