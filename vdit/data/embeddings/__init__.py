"""Captions as a frozen text encoder embeds them, made once, ahead of training (`vdit.embed`)."""
