"""Downloads over several mirrors with checksums, and the extraction of zip archives that nobody has to trust."""
