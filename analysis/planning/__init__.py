"""What to train next, at what cost: the optimum of a fit, devices, hyperparameters, next runs."""
