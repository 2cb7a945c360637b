"""A TFDS builder for a folder of videos: decode, cut windows, split by video, write ArrayRecord."""
