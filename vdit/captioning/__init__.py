"""What a trained captioner is for: words of latents, and captions for clips that have none."""
