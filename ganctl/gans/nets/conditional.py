"""The compact networks, told of classes (Odena et al. 2017, https://arxiv.org/abs/1610.09585, section 3)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganctl.gans.nets import compact


class Generator(nn.Module):
    """`compact.Generator`, whose latents have the embedding of a class appended.

    Args:
        latent: length of the latent vector.
        embedding: length of a class's vector, which is learned.
        classes: number of classes.
        size: as of `compact.Generator`, likewise the others.

    Raises:
        ValueError: `compact.coarsest_map` refuses the size.
    """

    def __init__(self, latent: int, embedding: int, classes: int, size: int, channels: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(classes, embedding)
        self.images = compact.Generator(latent + embedding, size, channels, width)

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Generate images.

        Args:
            latents: [N, latent].
            labels: whole numbers [N], or the shares of all classes [N, K], of which the embeddings are averaged.

        Returns:
            Images [N, channels, size, size] in [-1, 1].
        """
        code = self.embedding(labels) if labels.ndim == 1 else labels @ self.embedding.weight
        images: Tensor = self.images(torch.cat([latents, code], 1))
        return images


class Discriminator(compact.Encoder):
    """A `compact.Encoder` with `class_deviation` beside its coarsest maps, and two heads: real or generated, and class.

    Without that deviation every class soon collapses to a single picture, which looks real and is of the right class.

    Args:
        size: as of `compact.Encoder`, likewise the others.
        classes: number of classes.

    Raises:
        ValueError: `compact.coarsest_map` refuses the size.
    """

    def __init__(self, size: int, channels: int, width: int, classes: int) -> None:
        super().__init__(size, channels, width)
        inputs = (self.coarsest_channels + 1) * self.start_size**2
        self.hidden = compact.he_init(nn.Linear(inputs, compact.HIDDEN_UNITS))
        self.output = compact.he_init(nn.Linear(compact.HIDDEN_UNITS, 1), compact.LINEAR_GAIN)
        self.classes = compact.he_init(nn.Linear(compact.HIDDEN_UNITS, classes), compact.LINEAR_GAIN)

    def forward(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Tell real from generated images, and their classes.

        Args:
            images: [N, channels, size, size] in [-1, 1].
            labels: of their classes [N]. They decide only which images are compared with each other.

        Returns:
            Logits [N], high for real, and logits of the classes [N, K].
        """
        x = self.encode(images)
        deviation = class_deviation(x, labels, self.classes.out_features)
        x = torch.cat([x, deviation[:, None, None, None].expand(-1, 1, *x.shape[2:])], 1)
        x = F.leaky_relu(self.hidden(x.flatten(1)), compact.SLOPE)
        return self.output(x).squeeze(1), self.classes(x)


def class_deviation(maps: Tensor, labels: Tensor, classes: int) -> Tensor:
    """How much the images of each one's class in the batch differ: the minibatch deviation of a conditional net.

    Karras et al. 2018 (https://arxiv.org/abs/1710.10196, section 3) take it over the batch; there, ten pictures, one of
    each class, would do.

    Args:
        maps: features [N, C, H, W].
        labels: [N], whole numbers below `classes`.
        classes: number of classes.

    Returns:
        [N]: the standard deviation over the images of the same label, averaged over all features; near 0 of a single
            image.
    """
    with torch.autocast(maps.device.type, enabled=False):  # bfloat16 is too coarse for small differences
        features, member = maps.flatten(1).float(), F.one_hot(labels, classes).float()
        counts = member.sum(0).clamp_min(1)[:, None]
        means = member.T @ features / counts
        variances = member.T @ (features - member @ means).square() / counts
        return member @ (variances + 1e-8).sqrt().mean(1)
