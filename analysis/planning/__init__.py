"""What to train, at what cost: the optimum of a fit, devices, hyperparameters."""
