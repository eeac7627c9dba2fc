"""Films: of a training's progress, and of a walk through what a model can draw."""

import json
import subprocess
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from ganctl.errors import GanctlError, UsageError
from ganctl.images import animation, grids
from ganctl.images.animation import write_animation
from ganctl.images.frames import Frames, frame, labelled
from ganctl.inference.model import Model, slerp, walk
from ganctl.runs import status
from ganctl.runs.run import Run
from tests.handmade_runs import STEPS, sheet, written

Frame = NDArray[np.uint8]


def even(level: int, height: int = 40, width: int = 40) -> Frame:
    return np.full((height, width, 3), level, np.uint8)


def noisy(count: int, side: int, colour: bool = True) -> list[Frame]:
    """Frames that cannot be compressed."""
    rng = np.random.default_rng(0)
    depth = 3 if colour else 1
    return [rng.integers(0, 256, (side, side, depth), np.uint8).repeat(3 // depth, -1) for _ in range(count)]


def read(path: Path | str) -> list[tuple[Frame, float]]:
    """A GIF's frames, as they are seen, and how many milliseconds each stays."""

    def frames() -> Iterator[tuple[Frame, float]]:
        with Image.open(path) as file:
            for i in range(getattr(file, "n_frames", 1)):
                file.seek(i)
                yield np.asarray(file.convert("RGB")), file.info["duration"]

    return list(frames())


# GIF


def test_a_gif_has_every_frame_for_its_time_and_the_last_one_for_longer() -> None:
    write_animation(Path("new/a.gif"), [even(level) for level in (0, 100, 200)], fps=5, hold=2)
    frames = read("new/a.gif")
    assert [int(picture.mean()) for picture, _ in frames] == [0, 100, 200]
    assert [duration for _, duration in frames] == [200, 200, 2200]


def test_a_gif_goes_round_for_ever() -> None:
    write_animation(Path("a.gif"), [even(0), even(9)], fps=5)
    with Image.open("a.gif") as file:
        assert file.info["loop"] == 0


def test_a_gif_of_one_frame_is_a_gif() -> None:
    write_animation(Path("a.gif"), [even(77)], fps=5, hold=2)
    [(picture, _)] = read("a.gif")
    assert (picture == 77).all()


def test_frames_that_stay_the_same_stay_their_time() -> None:
    write_animation(Path("a.gif"), [even(0), even(0), even(9), even(9)], fps=5, hold=1)
    assert sum(duration for _, duration in read("a.gif")) == 4 * 200 + 1000


@pytest.mark.parametrize(("fps", "pace"), [(24, 40), (1000, 20), (0.0001, 600_000)])
def test_a_gif_is_no_faster_than_browsers_show_and_no_slower_than_the_format_can_say(fps: float, pace: float) -> None:
    write_animation(Path("a.gif"), [even(0), even(9)], fps=fps)
    assert [duration for _, duration in read("a.gif")] == [pace, pace]


def test_grey_films_keep_every_level() -> None:
    grey = (np.arange(1600) % 256).astype(np.uint8).reshape(40, 40, 1).repeat(3, -1)
    write_animation(Path("a.gif"), [grey, grey[::-1], grey], fps=5)
    shown = [picture for picture, _ in read("a.gif")]
    assert np.array_equal(shown, [grey, grey[::-1], grey])


def test_colours_look_the_same_beside_grey_frames_and_after_them() -> None:
    grey = (np.arange(1600) % 256).astype(np.uint8).reshape(40, 40, 1).repeat(3, -1)
    x, y = np.meshgrid(np.linspace(0, 255, 40), np.linspace(0, 255, 40))
    soft = np.stack([x, y, 255 - x], -1).astype(np.uint8)
    write_animation(Path("a.gif"), [grey, soft, soft[::-1], grey], fps=5)
    shown = [picture.astype(int) for picture, _ in read("a.gif")]
    assert np.abs(shown[0] - grey).max() <= 4
    assert np.abs(shown[3] - grey).max() <= 4
    assert np.abs(shown[1] - soft).mean() < 6
    assert np.abs(shown[2] - soft[::-1]).mean() < 6


def test_frames_of_different_sizes_get_a_margin() -> None:
    write_animation(Path("a.gif"), [even(200, 30, 41), even(100, 51, 20)], fps=5)
    shown = [picture for picture, _ in read("a.gif")]
    assert {picture.shape for picture in shown} == {(52, 42, 3)}
    assert (shown[0][:30, :41] == 200).all()
    assert (shown[0][30:] == 24).all()
    assert (shown[1][:51, :20] == 100).all()
    assert (shown[1][:, 20:] == 24).all()


def test_a_gif_that_would_be_too_large_has_fewer_frames_for_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(animation, "_FILM_BYTES", 200_000)
    frames = noisy(60, 64, colour=False)
    write_animation(Path("a.gif"), frames, fps=10, hold=1)
    shown = read("a.gif")
    assert Path("a.gif").stat().st_size <= 200_000
    assert 24 <= len(shown) < 60
    assert np.array_equal(shown[0][0], frames[0])
    assert np.array_equal(shown[-1][0], frames[-1])
    assert sum(duration for _, duration in shown) == pytest.approx(7000, rel=0.1)


@pytest.mark.parametrize("colour", [True, False])
def test_a_gif_that_cannot_have_fewer_frames_has_smaller_ones(monkeypatch: pytest.MonkeyPatch, colour: bool) -> None:
    monkeypatch.setattr(animation, "_FILM_BYTES", 50_000)
    write_animation(Path("a.gif"), noisy(40, 64, colour), fps=5)
    shown = read("a.gif")
    assert Path("a.gif").stat().st_size <= 50_000
    assert len(shown) == 24
    assert 16 < shown[0][0].shape[0] < 64


def test_a_gif_has_a_few_megabytes_at_most() -> None:
    write_animation(Path("a.gif"), noisy(30, 480, colour=False), fps=5)
    assert 2 * 2**20 < Path("a.gif").stat().st_size <= 4 * 2**20


def test_a_film_that_fails_leaves_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    write_animation(Path("a.gif"), [even(0)], fps=5)
    before = Path("a.gif").read_bytes()

    def full(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(animation, "_gif", full)
    with pytest.raises(OSError, match="No space left"):
        write_animation(Path("a.gif"), [even(9)], fps=5)
    assert Path("a.gif").read_bytes() == before


@pytest.mark.parametrize("name", ["film.png", "film", "film.avi"])
def test_an_ending_that_names_no_film_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"film format\. Use \.gif, \.mp4, \.mov, \.mkv or \.webm\."):
        write_animation(Path("folder", name), [even(0)], fps=5)
    assert not Path("folder").exists()


@pytest.mark.parametrize("ending", ["gif", "mp4"])
def test_of_however_many_frames_two_are_in_memory_and_a_gif_chooses_before_it_reads(
    monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(animation, "_GIF_PIXELS", 100 * 120 * 120)
    made, alive, most = [], set(), 0

    def make(i: int) -> Frame:
        nonlocal most
        frame = np.full((120, 120, 3), i % 256, np.uint8)
        made.append(i)
        alive.add(i)
        weakref.finalize(frame, alive.discard, i)
        most = max(most, len(alive))
        return frame

    write_animation(Path(f"a.{ending}"), Frames(300, (120, 120), make), fps=50)
    assert most <= 2
    assert {0, 299} <= set(made)
    assert (len(set(made)) == 300) == (ending == "mp4")


FILMED = """
import json, sys
from pathlib import Path
from ganctl.__main__ import main
try:
    main()
except SystemExit as left:
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    print(json.dumps([left.code, int(line.split()[1]) / 1024, sorted(sys.modules)]))
"""


def test_two_thousand_progress_pictures_are_filmed_in_little_memory_and_without_torch(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.progress.mkdir(parents=True)
    (run.path / "run.json").touch()
    for epoch in range(2000):
        if epoch < 9:
            sheet(epoch, 530).save(run.preview(epoch))
        else:
            run.preview(epoch).hardlink_to(run.preview(epoch % 9))
    command = [sys.executable, "-c", FILMED, "make-gif", str(run.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    code, peak, modules = json.loads(done.stdout.splitlines()[-1])
    assert code == 0
    assert not {"torch", "torchvision"} & set(modules)
    assert peak < 300  # MiB
    assert len(read(run.training_gif)) >= 24
    assert run.training_gif.stat().st_size <= 4 * 2**20


def test_repeats_that_stay_longer_than_a_gif_can_say_are_cut_to_what_it_can() -> None:
    write_animation(Path("a.gif"), [even(0)] * 100 + [even(9)], fps=0.1)
    assert [duration for _, duration in read("a.gif")] == [655_350, 10_000]


def test_a_gif_larger_than_the_format_holds_is_refused_before_a_frame_is_made() -> None:
    frames = Frames(2, (2, 70_000), lambda _: pytest.fail("it was made"))
    with pytest.raises(UsageError, match=r"a\.gif cannot have 70,000×2 pixels: GIF holds 65,535 a side"):
        write_animation(Path("a.gif"), frames, fps=5)


# Video


def watch(path: Path, height: int, width: int) -> Frame:
    """A video's frames [N, height, width, 3]."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    shown = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(shown, np.uint8).reshape(-1, height, width, 3)


@pytest.mark.parametrize("ending", ["mp4", "webm", "mkv", "MOV"])
def test_a_video_has_every_frame_and_holds_the_last(ending: str, capfd: pytest.CaptureFixture[str]) -> None:
    path = Path(f"a.{ending}")
    write_animation(path, [even(level, 50, 70) for level in (20, 120, 220)], fps=5, hold=1)
    shown = watch(path, 50, 70)
    assert [round(level / 20) for level in shown.mean((1, 2, 3))] == [1, 6, *[11] * 6]
    assert capfd.readouterr() == ("", "")
    assert [file.name for file in Path().iterdir()] == [path.name]


def test_a_video_of_odd_frames_has_even_sides() -> None:
    write_animation(Path("a.mp4"), [even(0, 51, 69)] * 2, fps=5)
    shown = watch(Path("a.mp4"), 52, 70)
    assert shown[:, :51, :69].max() < 20
    assert shown[:, 51].min() > 10


def test_without_the_extra_a_video_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(UsageError, match=r"^\.mp4 needs the video extra\. pip install 'ganctl\[video\]'$"):
        write_animation(Path("a.mp4"), [even(0)], fps=5)
    assert not list(Path().iterdir())


def test_a_video_that_ffmpeg_cannot_make_is_an_error_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(animation._CODECS, ".webm", "libx264")  # which a WebM cannot hold
    with pytest.raises(GanctlError, match=r"ffmpeg made no a\.webm: .*Only VP8"):
        write_animation(Path("a.webm"), [even(0)] * 2, fps=5)
    assert not list(Path().iterdir())


# Frames with labels


def test_a_frame_is_the_picture_over_its_label() -> None:
    sheet = grids.grid(torch.rand(64, 1, 28, 28) * 2 - 1, 8)
    frame = labelled(sheet, "epoch 12")
    assert np.array_equal(frame[: sheet.height, : sheet.width], np.asarray(sheet))
    label = frame[sheet.height :]
    assert label.shape[0] >= 30
    assert (label > 150).any(axis=-1).sum() > 50, "there are letters"
    assert not np.array_equal(label, labelled(sheet, "epoch 13")[sheet.height :])


def test_the_letters_are_inside_and_in_the_middle() -> None:
    sheet = Image.new("RGB", (560, 560))
    rows, columns = np.nonzero(labelled(sheet, "epoch 12")[560:, :, 0] > 100)
    assert 3 < rows.min() < rows.max() < 30
    assert abs((columns.min() + columns.max()) / 2 - 280) < 3


def test_no_text_needs_no_label() -> None:
    assert labelled(Image.new("RGB", (560, 560)), "").shape == (560, 560, 3)


@pytest.mark.parametrize("size", [(100, 100), (4000, 3000), (561, 431), (30, 600)])
def test_frames_have_even_sides_and_a_sensible_size(size: tuple[int, int]) -> None:
    height, width, _ = labelled(Image.new("RGB", size), "epoch 1").shape
    assert height % 2 == width % 2 == 0
    assert 400 <= max(height, width) <= 900


def test_a_frame_that_cannot_be_read_is_named() -> None:
    Path("epoch-0003.png").write_bytes(b"\x89PNG and no more")
    with pytest.raises(GanctlError, match=r"epoch-0003\.png cannot be read.*Remove it"):
        frame(Path("epoch-0003.png"), "epoch 3")


def test_progress_sheets_are_filmed_in_the_order_of_epochs(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.progress.mkdir(parents=True)
    for epoch in (10_000, 2, 0, 10):
        Image.new("RGB", (600, 600), (min(epoch, 250),) * 3).save(run.preview(epoch))
    (run.progress / "epoch-last.png").touch()
    (run.progress / ".tmp-1-epoch-0003.png").touch()
    frames = status.progress_frames(run)
    assert [int(frames.make(i)[0, 0, 0]) for i in range(frames.count)] == [0, 2, 10, 250]


def test_a_finished_run_without_progress_sheets_says_how_it_gets_some(tmp_path: Path) -> None:
    run = written(tmp_path / "run")
    run.checkpoint(10 * STEPS * 10_000).mkdir()
    with pytest.raises(GanctlError, match=r"no progress pictures yet\. ganctl resume \S+run --more 1$"):
        status.progress_frames(run)


def test_a_run_without_progress_sheets_cannot_be_filmed(tmp_path: Path) -> None:
    with pytest.raises(GanctlError, match=r"run has no progress pictures yet\. ganctl resume"):
        status.progress_frames(Run(tmp_path / "run"))


# The walk


@pytest.fixture
def model() -> Model:
    """A model that draws its 9 latents, three by three."""
    net = nn.Sequential(nn.Linear(9, 9, bias=False), nn.Unflatten(1, (1, 3, 3)))
    nn.init.eye_(next(net.parameters()))
    return Model(Path("model.safetensors"), "model", {"family": "dcgan", "options": {"latent_dim": 9}}, "model", net)


def test_a_walk_has_its_frames_and_pictures(model: Model) -> None:
    frames = list(walk(model, seed=0, keys=3, between=4, pictures=5))
    assert len(frames) == 12
    assert {frame.shape for frame in frames} == {(5, 1, 3, 3)}


def test_a_walk_ends_where_it_began_and_never_jumps(model: Model) -> None:
    frames = torch.stack(list(walk(model, seed=0, keys=3, between=12))).flatten(2)
    steps = (frames.roll(-1, 0) - frames).norm(dim=2)  # the last one is from the last frame to the first
    legs = (frames[::12].roll(-1, 0) - frames[::12]).norm(dim=2)
    assert (steps < 0.2 * legs.repeat_interleave(12, 0)).all()
    assert (steps[-1] < 0.05 * legs[-1]).all(), "the pace is slow at a key, so that the seam is not seen"


def test_a_walk_passes_latents_as_long_as_the_generator_knows(model: Model) -> None:
    frames = torch.stack(list(walk(model, seed=0, keys=4, between=6, pictures=8))).flatten(2)
    keys = frames[::6].norm(dim=2)
    assert frames.norm(dim=2).min() >= keys.min() - 1e-4
    assert frames.norm(dim=2).max() <= keys.max() + 1e-4


def test_a_walk_depends_on_its_seed_alone(model: Model) -> None:
    one, same, other = (torch.stack(list(walk(model, seed=seed, keys=2, between=2))) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_the_great_circle_starts_and_ends_at_its_ends() -> None:
    a, b = torch.randn(2, 5, 100, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(slerp(a, b, 0.0), a)
    torch.testing.assert_close(slerp(a, b, 1.0), b)


def test_half_way_is_in_the_middle_of_the_great_circle() -> None:
    middle = slerp(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 4.0]]), 0.5)
    torch.testing.assert_close(middle, torch.full((1, 2), 3 / 2**0.5))


def test_from_a_latent_to_itself_nothing_moves() -> None:
    a = torch.randn(3, 50, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(slerp(a, a.clone(), 0.3), a)
