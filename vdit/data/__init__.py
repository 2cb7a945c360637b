"""Clips and captions: sources, prepared folders, cached latents, the pipeline, media files."""
