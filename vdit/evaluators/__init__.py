"""What is measured of a checkpoint: one file for one evaluator, found by its name in the config."""
