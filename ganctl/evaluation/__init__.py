"""How good a model is, in scores beside those of held-out real pictures.

score        one score with what it is to be compared with
reference     real pictures as an extractor sees them, kept in the cache
sample_stats        what needs no extractor: diversity, contrast, twins, copies, checkerboards
samples       pictures from noise
translations  pictures redrawn, in both directions
choice        which extractor fits, and what is missing where none does
evaluate      all of it together, for a finished model
"""
