"""Use trained models: sample from them and translate images with them.

loading     a model by its run, checkpoint or file
model       sample from a model, translate with it
latent_walk a closed walk through its latents
paths       which image files a command translates, and the output file of each
translate   image files translated one after the other
tiling      images of any size through a network: padding and overlapping tiles
"""
