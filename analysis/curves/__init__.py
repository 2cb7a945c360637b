"""Loss curves of runs: collected, told from the learning rate."""
