"""Videos: every frame, even sizes, and what happens without ffmpeg."""

import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from ganctl.errors import GanctlError, UsageError
from ganctl.images import animation
from ganctl.images.animation import write_animation
from ganctl.images.frames import Frame
from tests.images.image_files import flat_frame


def read_video(path: Path, height: int, width: int) -> Frame:
    """A video's frames, uint8 [N, height, width, 3]."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    output = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(output, np.uint8).reshape(-1, height, width, 3)


@pytest.mark.parametrize("ending", ["mp4", "webm", "mkv", "MOV"])
def test_a_video_has_every_frame_and_holds_the_last(ending: str, capfd: pytest.CaptureFixture[str]) -> None:
    path = Path(f"a.{ending}")
    write_animation(path, [flat_frame(level, 50, 70) for level in (20, 120, 220)], fps=5, hold=1)
    frames = read_video(path, 50, 70)
    assert [round(level / 20) for level in frames.mean((1, 2, 3))] == [1, 6, *[11] * 6]
    assert capfd.readouterr() == ("", "")
    assert [file.name for file in Path().iterdir()] == [path.name]


def test_a_video_of_odd_frames_has_an_even_size() -> None:
    write_animation(Path("a.mp4"), [flat_frame(0, 51, 69)] * 2, fps=5)
    frames = read_video(Path("a.mp4"), 52, 70)
    assert frames[:, :51, :69].max() < 20
    assert frames[:, 51].min() > 10


def test_without_the_extra_a_video_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(UsageError, match=r"^\.mp4 needs the video extra\. pip install 'ganctl\[video\]'$"):
        write_animation(Path("a.mp4"), [flat_frame(0)], fps=5)
    assert not list(Path().iterdir())


def test_a_video_that_ffmpeg_cannot_make_is_an_error_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(animation._CODECS, ".webm", "libx264")  # which a WebM cannot hold
    with pytest.raises(GanctlError, match=r"ffmpeg made no a\.webm: .*Only VP8"):
        write_animation(Path("a.webm"), [flat_frame(0)] * 2, fps=5)
    assert not list(Path().iterdir())
