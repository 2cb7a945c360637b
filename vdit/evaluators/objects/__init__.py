"""The objects of the embedded world, found in videos and followed."""
