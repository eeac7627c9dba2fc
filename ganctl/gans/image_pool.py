"""A pool of earlier translations, from which CycleGAN's discriminators are trained."""

import torch
from torch import Tensor, nn


class ImagePool(nn.Module):
    """A history of generated images, so that the discriminator does not forget them (Shrivastava et al. 2017, 2.3).

    CycleGAN's rule (Zhu et al. 2017, section 4, and the authors' PyTorch code), for one image after the other: while
    the pool fills, a new image is stored and returned. Then with probability 1/2 it is returned without being stored,
    and otherwise it replaces a random earlier image, which is returned.

    The images and their number are buffers, so that a restart goes on exactly. Each image takes two numbers from
    torch's global generator, also while the pool fills. Nothing waits for an accelerator.

    Args:
        shape: of an image: channels, height, width.
        size: images in the pool, 50 in the paper; 0 returns every image as it comes.

    Raises:
        ValueError: the size is negative.
    """

    pictures: Tensor
    count: Tensor

    def __init__(self, shape: tuple[int, int, int], size: int = 50) -> None:
        super().__init__()
        if size < 0:
            raise ValueError(f"A pool holds 0 pictures or more, not {size}.")
        self.size = size
        self.register_buffer("pictures", torch.zeros(size, *shape))
        self.register_buffer("count", torch.tensor(0))

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """New images [N, C, H, W], any values → as many for the discriminator, detached, in the pool's dtype."""
        if not self.size:
            return images.detach()
        new = images.to(self.pictures)
        swaps = torch.rand(len(new), device=new.device) < 0.5
        slots = torch.randint(self.size, (len(new),), device=new.device)
        return torch.stack([self._exchange(*choice) for choice in zip(new, swaps, slots, strict=True)])

    def _exchange(self, new: Tensor, swap: Tensor, slot: Tensor) -> Tensor:
        """One image for one; all choices are tensors, so that an accelerator need not report them."""
        filling = self.count < self.size
        slot = torch.where(filling, self.count, slot)[None]
        old = self.pictures.index_select(0, slot)[0]
        self.pictures.index_copy_(0, slot, torch.where(filling | swap, new, old)[None])
        self.count += filling
        return torch.where(~filling & swap, old, new)
