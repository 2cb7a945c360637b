"""Stand-ins for what trains, counts and evaluates: see `functions`."""
