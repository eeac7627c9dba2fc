"""The training engine, from settings to a finished run."""
