"""Any two folders of videos to scores: read alike, described by extractors, held together."""
