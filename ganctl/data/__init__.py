"""Pictures on the way to the networks.

sources     where a set comes from: MNIST's files, a folder of pictures, ganctl's own drawings
sets        the original CycleGAN sets by name
download    mirrors, checksums, partial files
archive     zips from elsewhere, unpacked safely
layout      which pictures lie in which folder of a set
check       what is wrong with a folder of pictures
findings    what can be said of it, in sentences
digits      the built-in handwriting
striped     the built-in pair of animals, plain and striped, for translation
cache       every set decoded once into memory-mapped bytes
feed        batches by number
"""
