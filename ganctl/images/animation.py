"""Write animations: GIFs of a few megabytes, and videos. Whatever their number, only a few frames are in memory."""

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
from ganctl.images.frames import Frame, LazyFrames
from ganctl.images.grids import BACKGROUND_LEVEL
from ganctl.images.writing import require_format
from ganctl.spacing import evenly_spaced

_MAX_GIF_BYTES = 4 * 2**20
_MIN_GIF_FRAMES = 24  # with so few left, a GIF that is still too large gets smaller frames instead
_MAX_GIF_PIXELS = 48_000_000  # of all frames together, which are held until the last one is read, in five bytes each
_MIN_FRAME_MS = 20  # browsers slow faster GIFs down
_MAX_FRAME_MS = 655_350  # a GIF stores hundredths of a second in 16 bits
_PALETTE_SAMPLE_SIZE = 128  # pixels of the copy that a palette is computed from, ten times as fast
_H264, _VP9 = "libx264 -crf 20", "libvpx-vp9 -crf 30 -b:v 0"
_CODECS = {".mp4": _H264, ".mov": _H264, ".mkv": _H264, ".webm": _VP9}


def require_animation_format(path: Path) -> None:
    """Raise what `write_animation` raises for its path, before the frames are made.

    Raises:
        UsageError: the suffix is unknown, or names a video format and the ``video`` extra is not installed.
    """
    suffix = path.suffix.lower()
    if suffix in _CODECS:
        _find_ffmpeg(suffix)
    elif suffix != ".gif":
        problem = "an ending that names no film format" if suffix else "no ending to name a film format"
        raise UsageError(f"{path.name} has {problem}.", "Use .gif, .mp4, .mov, .mkv or .webm.")


def write_animation(path: Path, frames: LazyFrames | Sequence[Frame], fps: float, hold: float = 0.0) -> None:
    """Write frames as a GIF that loops or as a video, as the suffix says.

    A GIF that would be larger than four megabytes gets fewer frames, each shown for longer, then smaller ones. Which
    frames it has is decided before they are made.

    Args:
        path: its suffix names the format.
        frames: at least one; those smaller than the largest get a margin.
        fps: frames a second; a GIF shows at most 50.
        hold: seconds for which the last frame stays beyond its own time.

    Raises:
        UsageError: as `require_animation_format`, or the frames are larger than a GIF can hold.
        GanctlError: a frame cannot be read, or ffmpeg fails.
        OSError: the disk refuses.
    """
    require_animation_format(path)
    if not isinstance(frames, LazyFrames):
        height, width = (max(frame.shape[axis] for frame in frames) for axis in (0, 1))
        frames = LazyFrames(len(frames), (height, width), frames.__getitem__)
    frames = _pad_to_one_size(frames)
    if path.suffix.lower() == ".gif":
        height, width = frames.size
        require_format(path, (width, height))
        content = _encode_small_gif(frames, fps, hold)
        write_atomically(path, content)
    else:
        _write_video(path, frames, fps, hold)


def _pad_to_one_size(frames: LazyFrames) -> LazyFrames:
    """Give frames margins that make them equally large, and height and width even, as video codecs need them."""
    height, width = (length + length % 2 for length in frames.size)

    def make(i: int) -> Frame:
        frame = frames.make(i)
        margin = ((0, height - frame.shape[0]), (0, width - frame.shape[1]), (0, 0))
        return np.pad(frame, margin, constant_values=BACKGROUND_LEVEL)

    return LazyFrames(frames.count, (height, width), make)


def _encode_small_gif(frames: LazyFrames, fps: float, hold: float) -> bytes:
    seconds, scale = frames.count / fps, 1.0
    count = min(frames.count, max(_MIN_GIF_FRAMES, _MAX_GIF_PIXELS // (frames.size[0] * frames.size[1])))
    images: dict[int, Image.Image] = {}  # by frame number, one byte a pixel
    if count > 2 * _MIN_GIF_FRAMES:  # estimate from a few; frames closer to each other take fewer bytes: twice as many
        images = _make_evenly_spaced(frames, _MIN_GIF_FRAMES, images, scale)
        sample_bytes = len(_encode_gif(list(images.values()), seconds, hold))
        count = min(count, max(_MIN_GIF_FRAMES, 2 * _MIN_GIF_FRAMES * _MAX_GIF_BYTES // sample_bytes))
    while True:
        images = _make_evenly_spaced(frames, count, images, scale)
        content = _encode_gif(list(images.values()), seconds, hold)
        if len(content) <= _MAX_GIF_BYTES:
            return content
        excess = 1.05 * len(content) / _MAX_GIF_BYTES
        if count > _MIN_GIF_FRAMES:
            count = max(_MIN_GIF_FRAMES, int(count / excess))
        else:
            scale, images = scale * excess**-0.5, {}


def _make_evenly_spaced(
    frames: LazyFrames, count: int, existing: dict[int, Image.Image], scale: float
) -> dict[int, Image.Image]:
    """Evenly spaced frames by their numbers, with palettes; existing ones are not made again."""
    return {
        i: existing[i] if i in existing else _with_palette(frames.make(i), scale)
        for i in evenly_spaced(frames.count, count)
    }


def _encode_gif(images: Sequence[Image.Image], seconds: float, hold: float) -> bytes:
    frame_ms = min(max(1000 * seconds / len(images), _MIN_FRAME_MS), 600_000)
    images, durations = _merge_repeats(images, frame_ms)
    durations[-1] = min(durations[-1] + 1000 * hold, _MAX_FRAME_MS)
    mode = "L" if all(image.mode == "L" for image in images) else "RGB"  # some readers take a mixture for grey
    duration = durations if len(durations) > 1 else durations[0]  # Pillow takes no list of one
    buffer = io.BytesIO()
    writer: Any = imageio.imopen(buffer, "w", extension=".gif", plugin="pillow")  # typed without its options
    with writer as file:
        for image in images:
            file.write(np.asarray(image.convert(mode)), is_batch=False, duration=duration, loop=0)
    return buffer.getvalue()


def _merge_repeats(images: Sequence[Image.Image], frame_ms: float) -> tuple[list[Image.Image], list[float]]:
    """Merge equal neighbours, with their durations. Pillow would do it too, and write more than a GIF can store."""
    merged, durations = [images[0]], [frame_ms]
    for image in images[1:]:
        if image == merged[-1]:
            durations[-1] = min(durations[-1] + frame_ms, _MAX_FRAME_MS)
        else:
            merged.append(image)
            durations.append(frame_ms)
    return merged, durations


def _with_palette(frame: Frame, scale: float) -> Image.Image:
    """Convert a frame to one byte a pixel: grey keeps all 256 levels, colours become 256 of the frame's own."""
    image = Image.fromarray(frame)
    if scale != 1:
        image = ImageOps.scale(image, scale)
    if (frame == frame[..., :1]).all():
        return image.convert("L")
    sample_size = [min(length, _PALETTE_SAMPLE_SIZE) for length in image.size]
    palette = image.resize(sample_size, Image.Resampling.NEAREST).quantize(256)
    return image.quantize(palette=palette, dither=Image.Dither.NONE)


def _find_ffmpeg(suffix: str) -> str:
    """The path of ffmpeg.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import imageio_ffmpeg  # the extra

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):  # RuntimeError: it has no ffmpeg for this machine
        raise UsageError(f"{suffix} needs the video extra.", "pip install 'ganctl[video]'") from None


def _write_video(path: Path, frames: LazyFrames, fps: float, hold: float) -> None:
    height, width = frames.size
    suffix = path.suffix.lower()
    input_options = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {fps} -i -"
    output_options = f"-c:v {_CODECS[suffix]} -pix_fmt yuv420p"
    options = f"-y -v error {input_options} {output_options}".split()
    with atomic_file(path) as staged, tempfile.TemporaryFile() as stderr:
        command = [_find_ffmpeg(suffix), *options, str(staged.resolve())]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=stderr) as process:  # noqa: S603 - no shell
            try:
                with suppress(BrokenPipeError), cast("IO[bytes]", process.stdin) as pipe:  # its stderr says why
                    for i in range(frames.count):
                        pipe.write(frames.make(i).tobytes())
                    for _ in range(round(hold * fps)):
                        pipe.write(frames.make(frames.count - 1).tobytes())
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            stderr.seek(0)
            output = stderr.read().decode(errors="replace")
            if (disk_full := os.strerror(errno.ENOSPC)) in output:
                raise OSError(errno.ENOSPC, disk_full, str(path))
            reason = (output.splitlines() or ["it does not say why"])[0]
            raise GanctlError(f"ffmpeg made no {path.name}: {reason.rstrip('.')}.")
