"""`inception`: the features that papers measure in, those of the Inception v3 that Heusel et al. 2017 published.

The net and its resizing are torch-fidelity's, which is known to give the original's scores. Its own loader unpickles
whatever file it is given. So it is given no file but bytes, those whose SHA-256 was compared with the one below just
before: nothing but that one published content is ever unpickled, and a file that changes in between changes nothing.
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
from ganctl.images import to_uint8

WEIGHTS = "weights-inception-2015-12-05-6726825d.pth"
EXPECTED = Expected("sha256:6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2", 95628359)
MIRRORS = (
    f"https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/{WEIGHTS}",
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
)
FEATURES = 2048
SEES = "three channels, 299×299, bilinear as in TensorFlow 1"
_BATCH = 16  # pictures at once: at 299 pixels each takes some 20 MB on its way, and more are no faster on a CPU


def load(weights: Path | None, device: torch.device) -> Extractor:
    """The extractor, with weights that are downloaded once, into the user's cache.

    Args:
        weights: the file that was downloaded by hand; None to do it here.
        device: where it is to compute.

    Raises:
        GanctlError: torch-fidelity is not installed, or the weights cannot be downloaded.
        UsageError: the file that is given is not the published one.
        OSError: the disk refuses.
    """
    return _load(weights, device, MIRRORS, EXPECTED)


def _load(weights: Path | None, device: torch.device, mirrors: Sequence[str], expected: Expected) -> Extractor:
    library = _library()  # first: without it the weights are of no use
    content = io.BytesIO(_verified(weights or _downloaded(mirrors, expected), expected))
    with torch.random.fork_rng(devices=[]):  # the net draws weights before it gets these
        net = library("inception", [str(FEATURES)], feature_extractor_weights_path=content).to(device)
    net.to(memory_format=torch.channels_last)  # a third faster on a CPU
    return Extractor("inception", SEES, extract=lambda pictures: _features(net, pictures))


@torch.no_grad()
def _features(net: nn.Module, pictures: Tensor) -> Tensor:
    """Pictures [N, 1 or 3, H, W] in [-1, 1] of any size → features [N, FEATURES], 0 or more, a few at a time."""
    levels = torch.from_numpy(to_uint8(pictures)).permute(0, 3, 1, 2).expand(-1, 3, -1, -1)
    device = next(net.parameters()).device
    return torch.cat([net(some.to(device))[0].cpu() for some in torch.split(levels, _BATCH)])


def _library() -> Any:
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ImportError as error:
        raise GanctlError(
            "The extractor inception needs torch-fidelity, which is not installed.", "pip install 'ganctl[inception]'"
        ) from error
    return FeatureExtractorInceptionV3


def _downloaded(mirrors: Sequence[str], expected: Expected) -> Path:
    """Where the weights are in the user's cache, downloaded if they are not there."""
    try:
        return download(mirrors, user_cache() / "downloads" / WEIGHTS, expected)
    except DataError as error:
        raise GanctlError(
            f"The extractor inception lacks its weights: {error.message}",
            f"Download {mirrors[0]} elsewhere and give it with --weights FILE.",
        ) from error


def _verified(path: Path, expected: Expected) -> bytes:
    """The content of the weights' file, which is the published one."""
    if not path.is_file():
        raise UsageError(f"There is no file {path}.")
    content = path.read_bytes() if path.stat().st_size == expected.size else b""
    if f"sha256:{hashlib.sha256(content).hexdigest()}" != expected.checksum:
        raise UsageError(
            f"{path} is not the published {WEIGHTS}, and scores would compare with nobody's.",
            "Give the file that is, or leave out --weights to have it downloaded.",
        )
    return content
