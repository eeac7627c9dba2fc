"""Pictures on the way to the networks.

sources     where a set comes from: MNIST's files, a folder of pictures, ganctl's own drawings
download    mirrors, checksums, partial files
digits      the built-in handwriting
striped     the built-in pair of animals, plain and striped, for translation
cache       every set decoded once into memory-mapped bytes
feed        batches by number
"""
