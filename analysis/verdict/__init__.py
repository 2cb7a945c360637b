"""Does more compute give better video: the rule, its thresholds, what it rests on."""
