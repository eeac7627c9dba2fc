"""Sources of pictures: folders, MNIST's files, CycleGAN's sets and the built-in sets, each decoded block by block."""
