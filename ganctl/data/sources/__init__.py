"""Where pictures come from: a source can be decoded block by block."""
