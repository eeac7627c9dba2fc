"""GIFs: durations, colours, size limits and memory; what a failed write leaves."""

import json
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganctl.errors import UsageError
from ganctl.images import animation
from ganctl.images.animation import write_animation
from ganctl.images.frames import Frame, LazyFrames
from ganctl.runs.run import Run
from tests.handmade_runs import sheet
from tests.images.image_files import flat_frame


def noisy_frames(count: int, size: int, colour: bool = True) -> list[Frame]:
    """Frames that cannot be compressed."""
    rng = np.random.default_rng(0)
    depth = 3 if colour else 1
    return [rng.integers(0, 256, (size, size, depth), np.uint8).repeat(3 // depth, -1) for _ in range(count)]


def read_gif(path: Path | str) -> list[tuple[Frame, float]]:
    """A GIF's frames as RGB, and the duration of each in milliseconds."""

    def frames() -> Iterator[tuple[Frame, float]]:
        with Image.open(path) as file:
            for i in range(getattr(file, "n_frames", 1)):
                file.seek(i)
                yield np.asarray(file.convert("RGB")), file.info["duration"]

    return list(frames())


def test_each_frame_of_a_gif_has_its_duration_and_the_last_is_held() -> None:
    write_animation(Path("new/a.gif"), [flat_frame(level) for level in (0, 100, 200)], fps=5, hold=2)
    frames = read_gif("new/a.gif")
    assert [int(picture.mean()) for picture, _ in frames] == [0, 100, 200]
    assert [duration for _, duration in frames] == [200, 200, 2200]


def test_a_gif_loops_for_ever() -> None:
    write_animation(Path("a.gif"), [flat_frame(0), flat_frame(9)], fps=5)
    with Image.open("a.gif") as file:
        assert file.info["loop"] == 0


def test_a_gif_of_one_frame_is_a_gif() -> None:
    write_animation(Path("a.gif"), [flat_frame(77)], fps=5, hold=2)
    [(picture, _)] = read_gif("a.gif")
    assert (picture == 77).all()


def test_repeated_frames_keep_their_duration() -> None:
    write_animation(Path("a.gif"), [flat_frame(0), flat_frame(0), flat_frame(9), flat_frame(9)], fps=5, hold=1)
    assert sum(duration for _, duration in read_gif("a.gif")) == 4 * 200 + 1000


@pytest.mark.parametrize(("fps", "expected"), [(24, 40), (1000, 20), (0.0001, 600_000)])
def test_the_pace_of_a_gif_is_one_that_browsers_show_and_the_format_can_store(fps: float, expected: float) -> None:
    write_animation(Path("a.gif"), [flat_frame(0), flat_frame(9)], fps=fps)
    assert [duration for _, duration in read_gif("a.gif")] == [expected, expected]


def test_a_grey_gif_keeps_every_level() -> None:
    grey = (np.arange(1600) % 256).astype(np.uint8).reshape(40, 40, 1).repeat(3, -1)
    write_animation(Path("a.gif"), [grey, grey[::-1], grey], fps=5)
    written = [picture for picture, _ in read_gif("a.gif")]
    assert np.array_equal(written, [grey, grey[::-1], grey])


def test_colours_look_the_same_beside_grey_frames_and_after_them() -> None:
    grey = (np.arange(1600) % 256).astype(np.uint8).reshape(40, 40, 1).repeat(3, -1)
    x, y = np.meshgrid(np.linspace(0, 255, 40), np.linspace(0, 255, 40))
    soft = np.stack([x, y, 255 - x], -1).astype(np.uint8)
    write_animation(Path("a.gif"), [grey, soft, soft[::-1], grey], fps=5)
    written = [picture.astype(int) for picture, _ in read_gif("a.gif")]
    assert np.abs(written[0] - grey).max() <= 4
    assert np.abs(written[3] - grey).max() <= 4
    assert np.abs(written[1] - soft).mean() < 6
    assert np.abs(written[2] - soft[::-1]).mean() < 6


def test_frames_of_different_sizes_get_a_margin() -> None:
    write_animation(Path("a.gif"), [flat_frame(200, 30, 41), flat_frame(100, 51, 20)], fps=5)
    written = [picture for picture, _ in read_gif("a.gif")]
    assert {picture.shape for picture in written} == {(52, 42, 3)}
    assert (written[0][:30, :41] == 200).all()
    assert (written[0][30:] == 24).all()
    assert (written[1][:51, :20] == 100).all()
    assert (written[1][:, 20:] == 24).all()


def test_a_gif_that_would_be_too_large_has_fewer_frames_for_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(animation, "_MAX_GIF_BYTES", 200_000)
    frames = noisy_frames(60, 64, colour=False)
    write_animation(Path("a.gif"), frames, fps=10, hold=1)
    written = read_gif("a.gif")
    assert Path("a.gif").stat().st_size <= 200_000
    assert 24 <= len(written) < 60
    assert np.array_equal(written[0][0], frames[0])
    assert np.array_equal(written[-1][0], frames[-1])
    assert sum(duration for _, duration in written) == pytest.approx(7000, rel=0.1)


@pytest.mark.parametrize("colour", [True, False])
def test_a_gif_that_cannot_have_fewer_frames_has_smaller_ones(monkeypatch: pytest.MonkeyPatch, colour: bool) -> None:
    monkeypatch.setattr(animation, "_MAX_GIF_BYTES", 50_000)
    write_animation(Path("a.gif"), noisy_frames(40, 64, colour), fps=5)
    written = read_gif("a.gif")
    assert Path("a.gif").stat().st_size <= 50_000
    assert len(written) == 24
    assert 16 < written[0][0].shape[0] < 64


def test_a_gif_has_a_few_megabytes_at_most() -> None:
    write_animation(Path("a.gif"), noisy_frames(30, 480, colour=False), fps=5)
    assert 2 * 2**20 < Path("a.gif").stat().st_size <= 4 * 2**20


def test_a_failed_write_leaves_the_old_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write_animation(Path("a.gif"), [flat_frame(0)], fps=5)
    before = Path("a.gif").read_bytes()

    def full(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(animation, "_encode_gif", full)
    with pytest.raises(OSError, match="No space left"):
        write_animation(Path("a.gif"), [flat_frame(9)], fps=5)
    assert Path("a.gif").read_bytes() == before


@pytest.mark.parametrize("name", ["film.png", "film", "film.avi"])
def test_an_ending_that_names_no_animation_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"film format\. Use \.gif, \.mp4, \.mov, \.mkv or \.webm\."):
        write_animation(Path("folder", name), [flat_frame(0)], fps=5)
    assert not Path("folder").exists()


@pytest.mark.parametrize("ending", ["gif", "mp4"])
def test_at_most_two_frames_are_in_memory_and_a_gif_makes_only_those_it_has(
    monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(animation, "_MAX_GIF_PIXELS", 100 * 120 * 120)
    made_frames, alive, max_alive = [], set(), 0

    def make(i: int) -> Frame:
        nonlocal max_alive
        frame = np.full((120, 120, 3), i % 256, np.uint8)
        made_frames.append(i)
        alive.add(i)
        weakref.finalize(frame, alive.discard, i)
        max_alive = max(max_alive, len(alive))
        return frame

    write_animation(Path(f"a.{ending}"), LazyFrames(300, (120, 120), make), fps=50)
    assert max_alive <= 2
    assert {0, 299} <= set(made_frames)
    assert (len(set(made_frames)) == 300) == (ending == "mp4")


MEASURED_COMMAND = """
import json, sys
from pathlib import Path
from ganctl.__main__ import main
try:
    main()
except SystemExit as exit:
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    print(json.dumps([exit.code, int(line.split()[1]) / 1024, sorted(sys.modules)]))
"""


def test_a_gif_of_two_thousand_previews_takes_little_memory_and_no_torch(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.progress.mkdir(parents=True)
    (run.path / "run.json").touch()
    for epoch in range(2000):
        if epoch < 9:
            sheet(epoch, 530).save(run.preview(epoch))
        else:
            run.preview(epoch).hardlink_to(run.preview(epoch % 9))
    command = [sys.executable, "-c", MEASURED_COMMAND, "make-gif", str(run.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    code, peak, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    assert not {"torch", "torchvision"} & set(modules)
    assert peak < 300  # MiB
    assert len(read_gif(run.training_gif)) >= 24
    assert run.training_gif.stat().st_size <= 4 * 2**20


def test_repeats_are_shown_no_longer_than_a_gif_can_store() -> None:
    write_animation(Path("a.gif"), [flat_frame(0)] * 100 + [flat_frame(9)], fps=0.1)
    assert [duration for _, duration in read_gif("a.gif")] == [655_350, 10_000]


def test_a_gif_larger_than_the_format_holds_is_refused_before_a_frame_is_made() -> None:
    frames = LazyFrames(2, (2, 70_000), lambda _: pytest.fail("it was made"))
    with pytest.raises(UsageError, match=r"a\.gif cannot have 70,000×2 pixels: GIF holds 65,535 a side"):
        write_animation(Path("a.gif"), frames, fps=5)
