"""The machinery of a sweep: plans, claims, workers, modes, Slurm, goodput."""
