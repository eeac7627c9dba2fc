"""The user's cache: sets decoded once into memory-mapped files, its entries, their locks and their integrity."""
