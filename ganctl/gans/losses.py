"""Adversarial losses on logits, and the R1 gradient penalty.

Logits have shape [N] and any real value: higher means more real, unless lsgan's targets say otherwise.
Losses are scalars to be minimised.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


class AdversarialLoss(ABC):
    """What the two players minimise, as functions of the discriminator's logits."""

    @abstractmethod
    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """The discriminator's loss on batches of real and generated pictures: [N], [M] → scalar."""

    @abstractmethod
    def generator(self, fake_logits: Tensor) -> Tensor:
        """The generator's loss on a batch of its pictures: [N] → scalar."""

    def mean_output(self, logits: Tensor) -> Tensor:
        """D(x) or D(G(z)) for the log: the mean output, a detached scalar."""
        return logits.detach().float().mean()

    def accuracy(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """The share of pictures on the right side of being undecided, the halves weighed alike: 0.5 is guessing."""
        real, fake = self.realness(real_logits.detach()) > 0, self.realness(fake_logits.detach()) < 0
        return (real.float().mean() + fake.float().mean()) / 2

    def realness(self, logits: Tensor) -> Tensor:
        """How far above being undecided logits are: more than 0 is taken for real, less for generated."""
        return logits


@dataclass(frozen=True)
class BCE(AdversarialLoss):
    """Binary cross-entropy with the non-saturating generator (Goodfellow et al. 2014, section 3).

    With D = sigmoid(logits), the discriminator minimises −E[log D(x)] − E[log(1 − D(G(z)))],
    the two terms summed and not halved; the generator minimises −E[log D(G(z))].
    """

    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """−E[log D(x)] − E[log(1 − D(G(z)))]."""
        return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()

    def generator(self, fake_logits: Tensor) -> Tensor:
        """−E[log D(G(z))]."""
        return F.softplus(-fake_logits).mean()

    def mean_output(self, logits: Tensor) -> Tensor:
        """The mean probability of being real, in [0, 1], a detached scalar."""
        return logits.detach().float().sigmoid().mean()


@dataclass(frozen=True)
class LeastSquares(AdversarialLoss):
    """Least squares (Mao et al. 2017, equation 2, with its factors 1/2).

    Attributes:
        a: the discriminator's target for generated pictures.
        b: the discriminator's target for real pictures.
        c: the value the generator wants the discriminator to give its pictures: b, or between a and b, or beyond b.

    Raises:
        ValueError: a and b are the same, or c is not on b's side of a.
    """

    a: float = 0.0
    b: float = 1.0
    c: float = 1.0

    def __post_init__(self) -> None:
        if self.a == self.b:
            raise ValueError(
                f"lsgan_a and lsgan_b must differ: a discriminator learns nothing where both are {self.a:g}"
            )
        if (self.c - self.a) * (self.b - self.a) <= 0:
            raise ValueError(
                f"lsgan_c = {self.c:g} does not lie from lsgan_a = {self.a:g} towards lsgan_b = {self.b:g}, so the "
                f"generator would learn to be recognised: it is lsgan_b in most papers, --set lsgan_c={self.b:g}"
            )

    def realness(self, logits: Tensor) -> Tensor:
        """The distance from half way between the targets, towards that for real pictures."""
        away = logits - (self.a + self.b) / 2
        return away if self.b > self.a else -away

    def mean_output(self, logits: Tensor) -> Tensor:
        """The mean output, a detached scalar; mirrored half way between the targets if those are the other way round.

        So higher means more real in every log.
        """
        mean = logits.detach().float().mean()
        return mean if self.b > self.a else self.a + self.b - mean

    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """E[(D(x) − b)²]/2 + E[(D(G(z)) − a)²]/2."""
        return (real_logits - self.b).square().mean() / 2 + (fake_logits - self.a).square().mean() / 2

    def generator(self, fake_logits: Tensor) -> Tensor:
        """E[(D(G(z)) − c)²]/2."""
        return (fake_logits - self.c).square().mean() / 2


@dataclass(frozen=True)
class Hinge(AdversarialLoss):
    """The hinge loss (Lim & Ye 2017; Miyato et al. 2018, equations 16 and 17)."""

    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """E[max(0, 1 − D(x))] + E[max(0, 1 + D(G(z)))]."""
        return F.relu(1 - real_logits).mean() + F.relu(1 + fake_logits).mean()

    def generator(self, fake_logits: Tensor) -> Tensor:
        """−E[D(G(z))]."""
        return -fake_logits.mean()


def adversarial(name: str, a: float = 0.0, b: float = 1.0, c: float = 1.0) -> AdversarialLoss:
    """The loss called `name`: bce, lsgan or hinge.

    Args:
        name: one of the three.
        a: lsgan's target for generated pictures.
        b: lsgan's target for real pictures.
        c: lsgan's target of the generator.

    Raises:
        ValueError: the name is not one of the three.
    """
    match name:
        case "bce":
            return BCE()
        case "lsgan":
            return LeastSquares(a, b, c)
        case "hinge":
            return Hinge()
        case _:
            raise ValueError(f"There is no loss called {name}: choose bce, lsgan or hinge.")


def r1_penalty(real_logits: Tensor, real_images: Tensor) -> Tensor:
    """E[‖∇ₓD(x)‖²]/2 on real pictures, to be weighted by γ (Mescheder et al. 2018, equation 9).

    The gradient of the summed logits is each picture's own as long as no batch statistics join the pictures.

    Args:
        real_logits: [N], computed from `real_images` in float32.
        real_images: [N, ...], with `requires_grad` set before the discriminator saw them.

    Returns:
        A scalar that can be differentiated with respect to the discriminator's weights.
    """
    with torch.autocast(real_images.device.type, enabled=False):  # which would reach into the gradient too
        (gradient,) = torch.autograd.grad(real_logits.sum(), real_images, create_graph=True)
    return gradient.square().sum() / (2 * len(real_images))


@torch.no_grad()
def luminance_correlation(pictures: Tensor, others: Tensor) -> Tensor:
    """How alike pictures are in what is light and what is dark: Pearson's correlation of their luma (BT.601).

    Args:
        pictures: [N, 1 or 3, H, W], any values.
        others: of the same shape.

    Returns:
        [N], from −1, negatives of each other, to 1; 0 where a picture is of one level.
    """
    weights = torch.tensor([0.299, 0.587, 0.114] if pictures.shape[1] == 3 else [1.0], device=pictures.device)
    one, other = ((weights[:, None, None] * images.float()).sum(1).flatten(1) for images in (pictures, others))
    return F.cosine_similarity(one - one.mean(1, keepdim=True), other - other.mean(1, keepdim=True))
