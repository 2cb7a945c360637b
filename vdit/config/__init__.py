"""What a run is, without JAX: model configs, sizes, FLOPs, memory, devices, fingerprints."""
