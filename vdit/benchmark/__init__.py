"""What a training step costs here: measured, beside a peer where one is asked for."""
