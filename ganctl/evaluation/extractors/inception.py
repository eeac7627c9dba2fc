"""`inception`: the features that papers measure with, those of the Inception v3 that Heusel et al. 2017 published.

The network and its resizing are torch-fidelity's, which is known to give the original's scores. Its own loader
unpickles whatever file it is given. So it is given bytes instead of a file, those whose SHA-256 has just been compared
with the one below: nothing but that one published content is ever unpickled, and a file that changes in between changes
nothing.
"""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganctl.data.cache.store import user_cache
from ganctl.data.fetch.download import Expected, download
from ganctl.errors import DataError, GanctlError, UsageError
from ganctl.evaluation.extractors.base import Extractor
from ganctl.images.grids import to_uint8

WEIGHTS = "weights-inception-2015-12-05-6726825d.pth"
EXPECTED = Expected("sha256:6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2", 95628359)
MIRRORS = (
    f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{WEIGHTS}",
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
)
FEATURES = 2048
INPUT_FORMAT = "three channels, 299×299, bilinear as in TensorFlow 1"
_BATCH_SIZE = 16  # at 299 pixels an image takes some 20 MB on its way, and more at once are no faster on a CPU


def load(weights: Path | None, device: torch.device) -> Extractor:
    """Load the extractor, whose weights are downloaded once, into the user's cache.

    Args:
        weights: a file that was downloaded by hand; None to download it now.
        device: the device to compute on.

    Raises:
        GanctlError: torch-fidelity is not installed, or the weights cannot be downloaded.
        UsageError: `weights` is not the published file.
        OSError: the disk refuses.
    """
    return _load(weights, device, MIRRORS, EXPECTED)


def _load(weights: Path | None, device: torch.device, mirrors: Sequence[str], expected: Expected) -> Extractor:
    library = _library()  # before a download that would be of no use without it
    content = io.BytesIO(_verified(weights or _downloaded(mirrors, expected), expected))
    with torch.random.fork_rng(devices=[]):  # its random weights are replaced at once
        net = library("inception", [str(FEATURES)], feature_extractor_weights_path=content).to(device)
    net.to(memory_format=torch.channels_last)  # a third faster on a CPU
    return Extractor("inception", INPUT_FORMAT, extract=lambda images: _features(net, images))


@torch.no_grad()
def _features(net: nn.Module, images: Tensor) -> Tensor:
    """Images [N, 1 or 3, H, W] in [-1, 1] of any size → features [N, FEATURES], 0 or more, a few at a time."""
    uint8_images = torch.from_numpy(to_uint8(images)).permute(0, 3, 1, 2).expand(-1, 3, -1, -1)
    device = next(net.parameters()).device
    return torch.cat([net(batch.to(device))[0].cpu() for batch in torch.split(uint8_images, _BATCH_SIZE)])


def _library() -> Any:
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ImportError as error:
        raise GanctlError(
            "The extractor inception needs torch-fidelity, which is not installed.", "pip install 'ganctl[inception]'"
        ) from error
    return FeatureExtractorInceptionV3


def _downloaded(mirrors: Sequence[str], expected: Expected) -> Path:
    """The weights' file in the user's cache, downloaded if it is not there."""
    path = user_cache() / "downloads" / WEIGHTS
    try:
        return download(mirrors, path, expected)
    except DataError as error:
        raise GanctlError(
            f"The extractor inception lacks its weights: {error.message}",
            f"Download {mirrors[0]} elsewhere, and put it there as {path}",
        ) from error


def _verified(path: Path, expected: Expected) -> bytes:
    """The bytes of the weights' file, if they are the published ones."""
    if not path.is_file():
        raise UsageError(f"There is no file {path}.")
    content = path.read_bytes() if path.stat().st_size == expected.size else b""
    if f"sha256:{hashlib.sha256(content).hexdigest()}" != expected.checksum:
        raise UsageError(
            f"{path} is not the published {WEIGHTS}, and scores would compare with nobody's.",
            "Give the file that is, or leave out --weights to have it downloaded.",
        )
    return content
