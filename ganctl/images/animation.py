"""Films: GIFs that stay small, and videos. Of however many frames, a few are in memory."""

import errno
import io
import os
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

import imageio.v3 as imageio
import numpy as np
from PIL import Image, ImageOps

from ganctl.errors import GanctlError, UsageError
from ganctl.files import atomic_file, write_atomically
from ganctl.images.frames import Frame, Frames
from ganctl.images.grids import PAPER
from ganctl.images.writing import require_format
from ganctl.spacing import evenly_spaced

_FILM_BYTES = 4 * 2**20
_FILM_FRAMES = 24  # with so few left, a film that is still too large is made smaller instead
_GIF_PIXELS = 48_000_000  # of all frames of a GIF, which are held until the last one is seen, in five bytes each
_LONGEST = 655_350  # milliseconds: what a GIF shows of a frame at most
_H264, _VP9 = "libx264 -crf 20", "libvpx-vp9 -crf 30 -b:v 0"
_CODECS = {".mp4": _H264, ".mov": _H264, ".mkv": _H264, ".webm": _VP9}


def require_animation_format(path: Path) -> None:
    """Raise what `write_animation` raises of a path and of what is not installed, before the frames are made.

    Raises:
        UsageError: the ending is unknown, or a video is asked for without the ``video`` extra.
    """
    ending = path.suffix.lower()
    if ending in _CODECS:
        _ffmpeg(ending)
    elif ending != ".gif":
        said = "an ending that names no film format" if ending else "no ending to name a film format"
        raise UsageError(f"{path.name} has {said}.", "Use .gif, .mp4, .mov, .mkv or .webm.")


def write_animation(path: Path, frames: Frames | Sequence[Frame], fps: float, hold: float = 0.0) -> None:
    """Write frames as a GIF that loops, or as a video where the ending says so.

    A GIF that would be larger than four megabytes is made of fewer frames, shown for longer, then of smaller ones.
    Which frames it has is decided before they are made.

    Args:
        path: its ending names the format.
        frames: at least one; smaller ones than the largest get a margin.
        fps: frames a second; a GIF shows at most 50.
        hold: seconds that the last frame stays beyond its own.

    Raises:
        UsageError: as `require_animation_format`, or the frames are larger than a GIF can be.
        GanctlError: a frame cannot be read, or ffmpeg made no video of them.
        OSError: the disk refuses.
    """
    require_animation_format(path)
    if not isinstance(frames, Frames):
        height, width = (max(frame.shape[side] for frame in frames) for side in (0, 1))
        frames = Frames(len(frames), (height, width), frames.__getitem__)
    frames = _of_one_size(frames)
    if path.suffix.lower() == ".gif":
        height, width = frames.size
        require_format(path, (width, height))
        content = _small_gif(frames, fps, hold)
        write_atomically(path, content)
    else:
        _video(path, frames, fps, hold)


def _of_one_size(frames: Frames) -> Frames:
    """The frames with margins that make them equally large and their sides even, as videos have to be."""
    height, width = (side + side % 2 for side in frames.size)

    def make(i: int) -> Frame:
        made = frames.make(i)
        margin = ((0, height - made.shape[0]), (0, width - made.shape[1]), (0, 0))
        return np.pad(made, margin, constant_values=PAPER)

    return Frames(frames.count, (height, width), make)


def _small_gif(frames: Frames, fps: float, hold: float) -> bytes:
    seconds, scale = frames.count / fps, 1.0
    count = min(frames.count, max(_FILM_FRAMES, _GIF_PIXELS // (frames.size[0] * frames.size[1])))
    pictures: dict[int, Image.Image] = {}  # by the number of their frame, a byte a pixel
    if count > 2 * _FILM_FRAMES:  # a few say about how many will do; frames that are nearer to each other take less
        pictures = _chosen(frames, _FILM_FRAMES, pictures, scale)
        taken = len(_gif(list(pictures.values()), seconds, hold))
        count = min(count, max(_FILM_FRAMES, 2 * _FILM_FRAMES * _FILM_BYTES // taken))
    while True:
        pictures = _chosen(frames, count, pictures, scale)
        content = _gif(list(pictures.values()), seconds, hold)
        if len(content) <= _FILM_BYTES:
            return content
        excess = 1.05 * len(content) / _FILM_BYTES
        if count > _FILM_FRAMES:
            count = max(_FILM_FRAMES, int(count / excess))
        else:
            scale, pictures = scale * excess**-0.5, {}


def _chosen(frames: Frames, count: int, made: dict[int, Image.Image], scale: float) -> dict[int, Image.Image]:
    """So many of the frames, evenly spaced, by their numbers; those that are made already are not made again."""
    numbers = evenly_spaced(frames.count, count)
    return {i: made[i] if i in made else _with_palette(frames.make(i), scale) for i in numbers}


def _gif(pictures: Sequence[Image.Image], seconds: float, hold: float) -> bytes:
    pace = min(max(1000 * seconds / len(pictures), 20), 600_000)  # browsers slow faster films down; 16 bits hold it
    shown, durations = _without_repeats(pictures, pace)
    durations[-1] = min(durations[-1] + 1000 * hold, _LONGEST)
    mode = "L" if all(picture.mode == "L" for picture in shown) else "RGB"  # some readers take a mixture for grey
    staying = durations if len(durations) > 1 else durations[0]  # Pillow takes no list of one
    buffer = io.BytesIO()
    writer: Any = imageio.imopen(buffer, "w", extension=".gif", plugin="pillow")  # typed without its options
    with writer as file:
        for picture in shown:
            file.write(np.asarray(picture.convert(mode)), is_batch=False, duration=staying, loop=0)
    return buffer.getvalue()


def _without_repeats(pictures: Sequence[Image.Image], pace: float) -> tuple[list[Image.Image], list[float]]:
    """Each picture once, as long as it and its repeats stay: Pillow adds up more milliseconds than a GIF can say."""
    shown, durations = [pictures[0]], [pace]
    for picture in pictures[1:]:
        if picture == shown[-1]:
            durations[-1] = min(durations[-1] + pace, _LONGEST)
        else:
            shown.append(picture)
            durations.append(pace)
    return shown, durations


def _with_palette(frame: Frame, scale: float) -> Image.Image:
    """A frame in a byte a pixel. Grey ones keep all their levels; colours become 256 of the frame's own."""
    picture = Image.fromarray(frame)
    if scale != 1:
        picture = ImageOps.scale(picture, scale)
    if (frame == frame[..., :1]).all():
        return picture.convert("L")
    sample = picture.resize([min(side, 128) for side in picture.size], Image.Resampling.NEAREST)  # 10 times as fast
    return picture.quantize(palette=sample.quantize(256), dither=Image.Dither.NONE)


def _ffmpeg(ending: str) -> str:
    """The program that makes videos.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import imageio_ffmpeg  # the extra

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):  # RuntimeError: it has no ffmpeg for this machine
        raise UsageError(f"{ending} needs the video extra.", "pip install 'ganctl[video]'") from None


def _video(path: Path, frames: Frames, fps: float, hold: float) -> None:
    height, width = frames.size
    ending = path.suffix.lower()
    raw = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {fps} -i -"
    made = f"-c:v {_CODECS[ending]} -pix_fmt yuv420p"
    with atomic_file(path) as staged, tempfile.TemporaryFile() as complaints:
        command = [_ffmpeg(ending), *f"-y -v error {raw} {made}".split(), str(staged.resolve())]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=complaints) as process:  # noqa: S603 - no shell
            try:
                with suppress(BrokenPipeError), cast("IO[bytes]", process.stdin) as pipe:  # it says below why
                    for i in range(frames.count):
                        pipe.write(frames.make(i).tobytes())
                    for _ in range(round(hold * fps)):
                        pipe.write(frames.make(frames.count - 1).tobytes())
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            complaints.seek(0)
            said = complaints.read().decode(errors="replace")
            if (full := os.strerror(errno.ENOSPC)) in said:
                raise OSError(errno.ENOSPC, full, str(path))
            why = (said.splitlines() or ["it does not say why"])[0]
            raise GanctlError(f"ffmpeg made no {path.name}: {why.rstrip('.')}.")
