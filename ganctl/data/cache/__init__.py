"""Every set decoded once, into memory-mapped uint8 arrays in the user's cache."""
