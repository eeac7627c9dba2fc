"""A pool of earlier generated pictures, which keeps the discriminator from forgetting them."""

import torch
from torch import Tensor, nn


class ImagePool(nn.Module):
    """Show the discriminator pictures from some steps ago (Shrivastava et al. 2017, section 2.3).

    CycleGAN's rule (Zhu et al. 2017, section 4, and the authors' PyTorch code), for one picture after the other:
    while the pool fills, a new picture is kept and shown. Then with probability 1/2 it is shown and not kept,
    and otherwise it takes the place of a random earlier one, which is shown.

    The pictures and their number are buffers, so that a restart goes on exactly. Each picture draws twice from
    torch's global generator, while the pool fills too. Nothing waits for an accelerator.

    Args:
        shape: of a picture: channels, height, width.
        size: pictures in the pool, 50 in the paper; 0 shows every picture as it comes.

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
        """New pictures [N, C, H, W], any values → as many to show, detached, in the pool's type."""
        if not self.size:
            return images.detach()
        new = images.to(self.pictures)
        swaps = torch.rand(len(new), device=new.device) < 0.5
        places = torch.randint(self.size, (len(new),), device=new.device)
        return torch.stack([self._show(*one) for one in zip(new, swaps, places, strict=True)])

    def _show(self, new: Tensor, swap: Tensor, place: Tensor) -> Tensor:
        """One picture for one; all choices are tensors, for an accelerator need not report them."""
        filling = self.count < self.size
        place = torch.where(filling, self.count, place)[None]
        old = self.pictures.index_select(0, place)[0]
        self.pictures.index_copy_(0, place, torch.where(filling | swap, new, old)[None])
        self.count += filling
        return torch.where(~filling & swap, old, new)
