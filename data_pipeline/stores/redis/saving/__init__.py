"""Keys on their way into a set, of one moment or of none."""
