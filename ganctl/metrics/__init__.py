"""Scores of sets of features and of pictures: mathematics only, no files and no models.

distances   Fréchet and kernel distance between two sets of features
manifold    precision and recall, density and coverage, the nearest neighbour
pictures    diversity, checkerboards, PSNR and SSIM
"""

from ganctl.metrics.distances import KernelDistance, Statistics, frechet, kernel_distance
from ganctl.metrics.manifold import DensityCoverage, PrecisionRecall, density_coverage, nearest, precision_recall
from ganctl.metrics.pictures import checkerboard, diversity, psnr, ssim

__all__ = [
    "DensityCoverage",
    "KernelDistance",
    "PrecisionRecall",
    "Statistics",
    "checkerboard",
    "density_coverage",
    "diversity",
    "frechet",
    "kernel_distance",
    "nearest",
    "precision_recall",
    "psnr",
    "ssim",
]
