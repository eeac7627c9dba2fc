"""Feature extractors: networks that turn images into the features in which sets of images are compared.

base        the interface of an extractor
digits_cnn  a small classifier of handwritten digits, which ships with ganctl
inception   the Inception v3 that papers measure with, which has to be downloaded
registry    chooses the extractor that fits a data set
"""
