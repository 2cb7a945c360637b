"""Training against inference: chains of named, sourced, changeable quantities."""
