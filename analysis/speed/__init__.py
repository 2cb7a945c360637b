"""How fast the engine fits, beside the usual way."""
