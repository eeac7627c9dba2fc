"""Films: GIFs that stay small, and videos."""

import io
import subprocess
from collections.abc import Sequence
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps

from ganctl.errors import GanctlError, UsageError
from ganctl.files import atomic_file, write_atomically
from ganctl.pictures.sheets import PAPER

_FILM_SIDE = 560
_FILM_BYTES = 4 * 2**20
_FILM_FRAMES = 24  # with so few left, a film that is still too large is made smaller instead
_H264, _VP9 = "libx264 -crf 20", "libvpx-vp9 -crf 30 -b:v 0"
_CODECS = {".mp4": _H264, ".mov": _H264, ".mkv": _H264, ".webm": _VP9}


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
    frame = Image.new("RGB", (width, height + height % 2), (PAPER,) * 3)
    frame.paste(picture.convert("RGB"), (0, 0))
    if text:
        place = (width / 2, picture.height + bar / 2)
        ImageDraw.Draw(frame).text(place, text, (225,) * 3, ImageFont.load_default(18), anchor="mm")
    return np.asarray(frame)


def film(path: Path, frames: Sequence[NDArray[np.uint8]], fps: float, hold: float = 0.0) -> None:
    """Write frames [H, W, 3] as a GIF that loops, or as a video where the ending says so.

    A GIF that would be larger than four megabytes is made of fewer frames, shown for longer, then of smaller ones.

    Args:
        path: its ending names the format.
        frames: at least one; smaller ones than the largest get a margin.
        fps: frames a second; a GIF shows at most 50.
        hold: seconds that the last frame stays beyond its own.

    Raises:
        UsageError: the ending is unknown, or a video is asked for without the ``video`` extra.
        GanctlError: ffmpeg made no video of them.
        OSError: the disk refuses.
    """
    ending = path.suffix.lower()
    if ending != ".gif" and ending not in _CODECS:
        raise UsageError(f"{path.name} has an ending that names no film format.", "Use .gif or .mp4.")
    frames = _of_one_size(frames)
    if ending == ".gif":
        write_atomically(path, _small_gif(frames, fps, hold))
    else:
        _video(path, [*frames, *[frames[-1]] * round(hold * fps)], fps)


def _of_one_size(frames: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """The frames with margins that make them equally large and their sides even, as videos have to be."""
    height, width = (max(frame.shape[side] for frame in frames) + 1 & ~1 for side in (0, 1))
    margins = [((0, height - frame.shape[0]), (0, width - frame.shape[1]), (0, 0)) for frame in frames]
    return [np.pad(frame, margin, constant_values=PAPER) for frame, margin in zip(frames, margins, strict=True)]


def _small_gif(frames: Sequence[NDArray[np.uint8]], fps: float, hold: float) -> bytes:
    grey, seconds = all((frame == frame[..., :1]).all() for frame in frames), len(frames) / fps
    pictures = [_with_palette(Image.fromarray(frame), grey) for frame in frames]
    while len(content := _gif(pictures, seconds, hold)) > _FILM_BYTES:
        excess = 1.05 * len(content) / _FILM_BYTES
        if len(pictures) > _FILM_FRAMES:
            count = max(_FILM_FRAMES, int(len(pictures) / excess))
            pictures = [pictures[round(i)] for i in np.linspace(0, len(pictures) - 1, count)]
        else:
            smaller = [ImageOps.scale(picture.convert("RGB"), excess**-0.5) for picture in pictures]
            pictures = [_with_palette(picture, grey) for picture in smaller]
    return content


def _gif(pictures: Sequence[Image.Image], seconds: float, hold: float) -> bytes:
    pace = min(max(1000 * seconds / len(pictures), 20), 600_000)  # browsers slow faster films down; 16 bits hold it
    durations = [pace] * (len(pictures) - 1) + [pace + 1000 * hold]
    buffer, levels = io.BytesIO(), [np.asarray(picture) for picture in pictures]
    shown = durations if len(durations) > 1 else durations[0]  # Pillow takes no list of one
    imageio.imwrite(buffer, levels, extension=".gif", plugin="pillow", duration=shown, loop=0)
    return buffer.getvalue()


def _with_palette(picture: Image.Image, grey: bool) -> Image.Image:
    """Grey films keep all their levels; colours are reduced to 256 of the picture's own. A GIF cannot mix the two."""
    if grey:
        return picture.convert("L")
    sample = picture.resize([min(side, 128) for side in picture.size], Image.Resampling.NEAREST)  # 10 times as fast
    return picture.quantize(palette=sample.quantize(256), dither=Image.Dither.NONE).convert("RGB")


def _video(path: Path, frames: Sequence[NDArray[np.uint8]], fps: float) -> None:
    try:
        import imageio_ffmpeg  # the extra

        ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    except (ImportError, RuntimeError):  # RuntimeError: it has no ffmpeg for this machine
        raise UsageError(f"{path.suffix} needs the video extra.", "pip install 'ganctl[video]'") from None
    height, width, _ = frames[0].shape
    raw = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {fps} -i -"
    made = f"-c:v {_CODECS[path.suffix.lower()]} -pix_fmt yuv420p"
    with atomic_file(path) as staged:
        command = [ffmpeg, *f"-y -v error {raw} {made}".split(), staged.resolve()]
        done = subprocess.run(command, input=np.stack(frames).tobytes(), capture_output=True)  # noqa: S603 - no shell
        if done.returncode:
            why = (done.stderr.decode(errors="replace").splitlines() or ["it does not say why"])[0]
            raise GanctlError(f"ffmpeg made no {path.name}: {why.rstrip('.')}.")
