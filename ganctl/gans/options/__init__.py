"""The options of each family: their defaults, its presets and a line of help.

common    options that several families share
dcgan     DCGAN's options
cyclegan  CycleGAN's options

No torch here, so that ``ganctl train FAMILY --help`` and the shell's completion are instant.
"""
