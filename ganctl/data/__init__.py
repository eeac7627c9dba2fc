"""Pictures on the way to the networks.

source      what a source of pictures is: something that can be decoded, block by block
  idx       MNIST and its relatives
  folder    a folder of pictures
  drawn     the built-in sets, drawn by digits (handwriting) and striped (a pair of animals, plain and striped)
sources     what --data means to a family that learns from one set
domains     what it means to one that translates between two
  sets      the sets of CycleGAN's authors by name
download    mirrors, checksums, partial files
archive     zips from elsewhere, unpacked without trust
progress    how far decoding and downloading have come, for whoever shows it
check       what is wrong with a set, told before a training finds out
  layout    which pictures lie in which of its folders
  findings  what can be said of them, in sentences
store       what the user's cache stores: computed once, with room for it, marked as used
  entries   what is in it, and how it is emptied
  integrity whether what was decoded is still what was written
cache       every set decoded once into memory-mapped bytes
feed        batches by number
"""
