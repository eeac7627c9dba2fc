"""Scores of sets of features and of images: mathematics only, no files and no models. Import from the modules.

distances   Fréchet distance and kernel distance between two sets of features
manifold    precision and recall, density and coverage, nearest neighbours
images      diversity, checkerboard, PSNR and SSIM
score       a score with its name, its value and that of real images
"""
