"""Published tables of runs fitted here, beside the numbers that were published of them."""
