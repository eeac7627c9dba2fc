"""How good a model is, in figures beside those of held-out real pictures.

figure        one figure with what it is to be compared with
reference     real pictures as an extractor sees them, kept in the cache
vitals        what needs no extractor: diversity, contrast, twins, copies, checkerboards
samples       pictures from noise
translations  pictures redrawn, in both directions
choice        which extractor fits, and what is missing where none does
evaluate      all of it together, for a finished model
"""
