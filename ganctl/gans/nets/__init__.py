"""Networks: layers, channels and kernels, and nothing of their training.

compact         DCGAN's default: a small generator and discriminator for a CPU
dcgan_paper     the networks of Radford et al. 2015
dcgan_tutorial  the networks of TensorFlow's DCGAN tutorial
resnet          CycleGAN's generator (Zhu et al. 2017)
patchgan        CycleGAN's discriminator, the 70×70 PatchGAN of Isola et al. 2017
unet            the networks of TensorFlow's CycleGAN tutorial
layers          layers that several of them use
"""
