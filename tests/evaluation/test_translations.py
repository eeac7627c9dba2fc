"""Translations are scored in both directions, and against the truth where there is one."""

import json
from pathlib import Path

from ganctl.runs.run import Run
from tests.commands import ganctl
from tests.trainings import begin, tiny_pair


def test_both_directions_are_measured(pair: Path, no_inception: None) -> None:
    run = begin(tiny_pair(pair, epochs=1), Path("a/run"))
    report = json.loads("\n".join(ganctl("evaluate", run.path, "--json").out))
    expected = {f"{name}-{domain}" for name in ("cycle", "identity", "luminance") for domain in "AB"}
    assert set(report["scores"]) == expected
    with_extractor = json.loads("\n".join(ganctl("evaluate", run.path, "--json", "--extractor", "digits-cnn").out))
    distances = {f"{kind}-digits-cnn-{domain}" for kind in ("fid", "kid") for domain in "AB"}
    assert set(with_extractor["scores"]) == expected | distances


def test_the_built_in_pair_is_measured_against_the_truth() -> None:
    small = ("--size", 32, "--limit", 4, "--epochs", 1, "--set", "width=4", "--set", "blocks=1")
    arguments = ("train", "cyclegan", "--data", "plain2striped", *small, "--set", "discriminator_width=4")
    assert ganctl(*arguments, "--set", "evaluate_every=1").code == 0
    (line,) = [line for line in Run(Path("runs/plain2striped")).read_log() if "score/psnr-striped" in line]
    assert {"score/psnr-striped", "score/ssim-striped", "score/psnr-plain", "score/ssim-plain"} <= set(line)
    best = json.loads(Path("runs/plain2striped/best.json").read_text())
    assert best["score"] == "psnr-striped"
