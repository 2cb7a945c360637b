"""Loss curves of runs: collected, told from the learning rate, collapsed onto one another."""
