"""Run folders: checkpoints, files written whole, where the seconds went."""
