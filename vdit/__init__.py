"""vdit: a laboratory for one claim, that more compute gives better video."""
