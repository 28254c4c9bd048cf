"""Every diagnosis held against other witnesses: the parsers of two engines, the engine itself, and how a value was made."""
