"""What each family can be set to: its options with their defaults, its presets and a line for people.

dcgan     DCGAN's
cyclegan  CycleGAN's

No torch here, so that ``ganctl train FAMILY --help`` and the shell's completion are instant.
"""
