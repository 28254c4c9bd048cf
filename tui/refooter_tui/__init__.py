"""Everything of refooter that faces a terminal."""
