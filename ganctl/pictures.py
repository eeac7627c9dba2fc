"""Pictures between files, arrays and tensors: reading any format, grids, and films."""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import imageio.v3 as imageio
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps
from torch import Tensor
from torchvision.utils import make_grid

from ganctl.errors import GanctlError, UsageError
from ganctl.run import write_atomically

FORMATS = frozenset(Image.registered_extensions()) - {".pdf", ".ps", ".eps", ".mpg", ".mpeg"}
_PAPER = 24  # grey level behind a grid's pictures and a film's labels
_GRID_SIDE = 512  # small pictures are enlarged by a whole factor until a grid is about this wide
_FILM_SIDE = 560
_FILM_BYTES = 4 * 2**20


def read_square(path: Path, size: int) -> tuple[NDArray[np.uint8], bool]:
    """A picture of any format and mode as RGB: turned by its EXIF, centre-cropped, resized.

    Transparency is laid on white; 16-bit grey is scaled by its range.

    Returns:
        levels [size, size, 3], and whether the picture had to be enlarged.

    Raises:
        OSError: Pillow cannot read it (also a decompression bomb, reported as such).
    """
    try:
        with Image.open(path) as file:
            small = min(file.size) < size
            file.draft("RGB", (2 * size, 2 * size))
            picture = ImageOps.fit(to_rgb(ImageOps.exif_transpose(file)), (size, size), Image.Resampling.LANCZOS)
    except OSError:
        raise
    except (Image.DecompressionBombError, ValueError, SyntaxError, EOFError, MemoryError, TypeError) as error:
        raise OSError(f"{error}") from None  # Pillow's readers raise these on malformed files
    return np.asarray(picture), small


def to_rgb(picture: Image.Image) -> Image.Image:
    """A picture of any Pillow mode as 8-bit RGB."""
    if picture.mode.startswith(("I", "F")):
        values = np.asarray(picture, dtype=np.float64)
        top = 65535.0 if picture.mode.startswith("I") and values.max(initial=0) > 255 else max(values.max(initial=0), 1)
        picture = Image.fromarray((values.clip(0, top) * (255 / top)).round().astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")


def resize(images: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Square pictures [n, h, w, channels] at another side, antialiased."""
    from torchvision.transforms.v2.functional import resize as resized

    if images.shape[1:3] == (size, size):
        return images
    tensor = torch.from_numpy(images).permute(0, 3, 1, 2)
    result: NDArray[np.uint8] = resized(tensor, [size, size], antialias=True).permute(0, 2, 3, 1).numpy()
    return result


def to_bytes(images: Tensor) -> NDArray[np.uint8]:
    """Pictures [N, C, H, W] in [-1, 1] as levels [N, H, W, C]."""
    levels = images.detach().float().cpu().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
    return levels.permute(0, 2, 3, 1).numpy()


def grid(images: Tensor, columns: int) -> Image.Image:
    """Pictures [N, C, H, W] in [-1, 1] in rows, small ones enlarged by a whole factor."""
    if images.shape[1] == 1:
        images = images.expand(-1, 3, -1, -1)
    factor = max(1, round(_GRID_SIDE / (columns * (images.shape[-1] + 2))))
    images = torch.from_numpy(to_bytes(images)).permute(0, 3, 1, 2)
    images = images.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    sheet = make_grid(images, nrow=columns, padding=max(2, factor), pad_value=_PAPER)
    return Image.fromarray(sheet.permute(1, 2, 0).numpy())


def save_sheet(path: Path, images: Tensor, columns: int) -> None:
    """Write a grid as a PNG, atomically."""
    write_atomically(path, _encoded(grid(images, columns)))


def save_grid(path: Path, images: Tensor, columns: int) -> None:
    """Write a grid in the format that the path's ending names."""
    write(path, grid(images, columns))


def save_single(path: Path, image: Tensor) -> None:
    """Write one picture [C, H, W] in [-1, 1] as it is."""
    levels = to_bytes(image[None])[0]
    write(path, Image.fromarray(levels[..., 0] if levels.shape[-1] == 1 else levels))


def write(path: Path, picture: Image.Image) -> None:
    """Write a picture in the format that the path's ending names.

    Raises:
        UsageError: the ending names no format that Pillow writes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, format=require_format(path))


def _encoded(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def columns(count: int) -> int:
    """Pictures in a row of a grid that is about square."""
    return math.ceil(math.sqrt(count))


def require_format(path: Path) -> str:
    """The format that a path's ending names.

    Raises:
        UsageError: it names none that Pillow writes.
    """
    form = Image.registered_extensions().get(path.suffix.lower(), "")
    if form not in Image.SAVE:
        raise UsageError(f"{path.name} has an ending that names no picture format.", "Use .png, .jpg or .webp.")
    return form


def frame(path: Path, text: str) -> NDArray[np.uint8]:
    """A film's frame of a picture file: see `labelled`.

    Raises:
        GanctlError: the file cannot be read.
    """
    try:
        with Image.open(path) as picture:
            return labelled(picture.convert("RGB"), text)
    except (OSError, ValueError, SyntaxError) as error:
        raise GanctlError(f"{path} cannot be read: {error}.", "Remove it, and the film goes without it.") from None


def labelled(picture: Image.Image, text: str) -> NDArray[np.uint8]:
    """A film's frame: the picture, brought to the film's width, over a line of text. [H, W, 3], even sides."""
    factor = _FILM_SIDE / max(picture.size)
    if not 0.7 < factor < 1.5:
        picture = ImageOps.contain(picture, (_FILM_SIDE, _FILM_SIDE), Image.Resampling.LANCZOS)
    bar = 34 if text else 0
    width, height = picture.width + picture.width % 2, picture.height + bar
    frame = Image.new("RGB", (width, height + height % 2), (_PAPER,) * 3)
    frame.paste(picture.convert("RGB"), (0, 0))
    if text:
        place = (width / 2, picture.height + bar / 2)
        ImageDraw.Draw(frame).text(place, text, (225,) * 3, ImageFont.load_default(18), anchor="mm")
    return np.asarray(frame)


def film(path: Path, frames: Sequence[NDArray[np.uint8]], fps: float, hold: float = 0.0) -> None:
    """Write frames [H, W, 3] as a GIF, or as a video where the ending says so.

    A GIF that would be larger than about four megabytes is made of fewer frames, shown for longer.

    Args:
        path: its ending names the format.
        frames: of one size.
        fps: frames a second.
        hold: seconds that the last frame stays beyond its own.

    Raises:
        UsageError: the ending is unknown, or a video is asked for without the ``video`` extra.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() in (".mp4", ".webm", ".mkv", ".mov"):
        _video(path, [*frames, *[frames[-1]] * round(hold * fps)], fps)
        return
    if path.suffix.lower() != ".gif":
        raise UsageError(f"{path.name} has an ending that names no film format.", "Use .gif or .mp4.")
    content, thin = _gif(frames, fps, hold), 1
    while len(content) > _FILM_BYTES and len(frames) > 24:
        thin = max(2, -(-len(content) // _FILM_BYTES))
        frames = [*frames[:-1:thin], frames[-1]]
        fps /= thin
        content = _gif(frames, fps, hold)
    write_atomically(path, content)


def _gif(frames: Sequence[NDArray[np.uint8]], fps: float, hold: float) -> bytes:
    duration = [1000 / fps] * len(frames)
    duration[-1] += 1000 * hold
    pictures: Any = [_with_palette(frame) for frame in frames]
    buffer = io.BytesIO()
    pictures[0].save(buffer, "GIF", save_all=True, append_images=pictures[1:], duration=duration, loop=0)
    return buffer.getvalue()


def _with_palette(frame: NDArray[np.uint8]) -> Image.Image:
    """Grey frames keep all their levels; colours are reduced to 256 of their own."""
    if (frame == frame[..., :1]).all():
        return Image.fromarray(frame[..., 0])
    return Image.fromarray(frame).quantize(256, dither=Image.Dither.FLOYDSTEINBERG)


def _video(path: Path, frames: Sequence[NDArray[np.uint8]], fps: float) -> None:
    try:
        imageio.imwrite(path, np.stack(frames), plugin="FFMPEG", fps=fps)
    except ImportError:
        raise UsageError(f"{path.suffix} needs the video extra.", "pip install 'ganctl[video]'") from None
    except OSError as error:
        raise GanctlError(f"{path} could not be written: {error}.") from None
