"""How good a model is: scores of generated images beside those of held-out real ones, and verdicts on them.

evaluate         all scores of a finished model
samples          scores of images generated from noise
translations     scores of translations in both directions
sample_stats     sample statistics, which need no feature extractor: diversity, contrast, near-duplicates, copies
reference        features of real images, kept in the user's cache
verdicts         what goes wrong in a training, in words, and what to do about it
verdict_tracker  raises and clears verdicts while a training runs
extractors/      the networks whose features are compared, and which of them fits a data set
"""
