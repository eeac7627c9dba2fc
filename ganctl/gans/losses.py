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
    """The losses of both players, as functions of the discriminator's logits."""

    @abstractmethod
    def discriminator(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """Compute the discriminator's loss on real and generated images: [N], [M] → scalar."""

    @abstractmethod
    def generator(self, fake_logits: Tensor) -> Tensor:
        """Compute the generator's loss on its images: [N] → scalar."""

    def mean_output(self, logits: Tensor) -> Tensor:
        """Compute D(x) or D(G(z)) for the log: the mean output, a detached scalar, higher for more real."""
        return logits.detach().float().mean()

    def accuracy(self, real_logits: Tensor, fake_logits: Tensor) -> Tensor:
        """Compute the discriminator's balanced accuracy: the mean of its hit rates on both halves; 0.5 is guessing."""
        real, fake = self.margin(real_logits.detach()) > 0, self.margin(fake_logits.detach()) < 0
        return (real.float().mean() + fake.float().mean()) / 2

    def metrics(self, real_logits: Tensor, fake_logits: Tensor) -> dict[str, Tensor]:
        """Compute what verdicts, balance and charts listen to, of images that are generated from noise: [N], [M]."""
        return {
            "D(x)": self.mean_output(real_logits),
            "D(G(z))": self.mean_output(fake_logits),
            "accuracy": self.accuracy(real_logits, fake_logits),
        }

    def margin(self, logits: Tensor) -> Tensor:
        """Compute the signed distance from the decision boundary: above 0 is taken for real, below for fake."""
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
        """Compute the mean probability of being real, in [0, 1], a detached scalar."""
        return logits.detach().float().sigmoid().mean()


@dataclass(frozen=True)
class LeastSquares(AdversarialLoss):
    """Least squares (Mao et al. 2017, equation 2, with its factors 1/2).

    Attributes:
        a: the discriminator's target for generated images.
        b: the discriminator's target for real images.
        c: the generator's target for its images: b, or between a and b, or beyond b.

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

    def margin(self, logits: Tensor) -> Tensor:
        """Compute the distance from half way between the targets, towards that for real images."""
        margin = logits - (self.a + self.b) / 2
        return margin if self.b > self.a else -margin

    def mean_output(self, logits: Tensor) -> Tensor:
        """Compute the mean output, a detached scalar, reflected half way between the targets where b is below a.

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


def adversarial_loss(name: str, a: float = 0.0, b: float = 1.0, c: float = 1.0) -> AdversarialLoss:
    """Return the adversarial loss of a name.

    Args:
        name: bce, lsgan or hinge.
        a: lsgan's target for generated images.
        b: lsgan's target for real images.
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


@dataclass(frozen=True)
class LazyR1:
    """The R1 penalty at every Nth step, with N times its weight (Karras et al. 2020, appendix B).

    Attributes:
        gamma: the weight γ; 0 turns it off.
        every: N.
    """

    gamma: float
    every: int

    def is_due(self, step: int) -> bool:
        """Whether this step has a penalty, so that the real images need a gradient and float32."""
        return self.gamma > 0 and step % self.every == 0

    def add(self, loss: Tensor, real_logits: Tensor, real: Tensor, step: int) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss with the penalty of a step, and it as the metric ``r1``: 0 in between, none if it is off."""
        if not self.is_due(step):
            return loss, {"r1": loss.new_zeros(())} if self.gamma > 0 else {}
        penalty = self.gamma * self.every * r1_penalty(real_logits, real)
        return loss + penalty, {"r1": penalty.detach()}


def r1_penalty(real_logits: Tensor, real_images: Tensor) -> Tensor:
    """Compute E[‖∇ₓD(x)‖²]/2 on real images, to be weighted by γ (Mescheder et al. 2018, equation 9).

    The gradient of the summed logits is each image's own as long as no batch statistics join the images. A minibatch
    deviation does join them, and is penalised with them, as in StyleGAN2.

    Args:
        real_logits: [N], computed from `real_images` in float32.
        real_images: [N, ...], with `requires_grad` set before the discriminator saw them.

    Returns:
        A scalar that can be differentiated with respect to the discriminator's weights.
    """
    with torch.autocast(real_images.device.type, enabled=False):  # it would reach into the gradient too
        (gradient,) = torch.autograd.grad(real_logits.sum(), real_images, create_graph=True)
    return gradient.square().sum() / (2 * len(real_images))


@torch.no_grad()
def luminance_correlation(images: Tensor, targets: Tensor) -> Tensor:
    """Compute Pearson's correlation of the luma (BT.601) of images: whether light stays light and dark stays dark.

    Args:
        images: [N, 1 or 3, H, W], any values.
        targets: of the same shape.

    Returns:
        [N], from −1 for negatives of each other to 1; 0 where an image is of a single value.
    """
    x, y = (_luma(pixels.float()).flatten(1) for pixels in (images, targets))
    return F.cosine_similarity(x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True))


def _luma(images: Tensor) -> Tensor:
    """[N, 1 or 3, H, W] → [N, H, W]. A tensor of the weights would have to be copied to a card, which waits for it."""
    if images.shape[1] == 1:
        return images[:, 0]
    red, green, blue = images.unbind(1)
    return 0.299 * red + 0.587 * green + 0.114 * blue
