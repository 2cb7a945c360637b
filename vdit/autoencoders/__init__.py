"""Video and image autoencoders: videos to latents and back."""
