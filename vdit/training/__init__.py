"""The one training loop, its optimizer, its metrics, what a run starts from, packs of runs."""
