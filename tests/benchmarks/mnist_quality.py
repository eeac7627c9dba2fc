"""How good the presets are on MNIST after some minutes: the campaign behind a table in examples/RESULTS.md.

    GANCTL_DATA=... OMP_NUM_THREADS=2 python -m tests.benchmarks.mnist_quality

Fifty minutes on a machine that does nothing else: the default preset for twice five minutes from three seeds, then
`tutorial`, and `paper` at 32 pixels, for ten minutes each. Runs lie in a new folder here, to be looked at.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

MINUTES = 5
SCORES = ("fid-digits-cnn", "precision-digits-cnn", "recall-digits-cnn", "confidence-digits-cnn", "rarest-digits-cnn")


def ganctl(folder: Path, *arguments: object) -> str:
    """What a command prints on stdout."""
    command = [sys.executable, "-m", "ganctl", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE, text=True).stdout


def row(folder: Path, run: str, minutes: int) -> None:
    """A line of the table for a run as it is now."""
    found: dict[str, Any] = json.loads(ganctl(folder, "evaluate", run, "--json"))
    cells = [found["scores"][name] for name in SCORES]
    over = cells[0]["value"] / cells[0]["held_out"]
    values = " | ".join(f"{cell['value']:.3g}" for cell in cells)
    print(f"| {run} | {minutes} minutes, {found['epoch']:.3g} epochs | {over:.2f} | {values} |", flush=True)


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="mnist-quality-", dir=Path.cwd()))
    print(f"| run | training | over held-out | {' | '.join(SCORES)} |")
    print(f"| --- | --- | --- |{' --- |' * len(SCORES)}")
    for seed in range(3):
        run = f"compact-{seed}"
        ganctl(folder, "train", "dcgan", "--data", "mnist", "--seed", seed, "--run", run, "--max-minutes", MINUTES)
        row(folder, run, MINUTES)
        ganctl(folder, "resume", run, "--max-minutes", MINUTES)
        row(folder, run, 2 * MINUTES)
    for preset, more in (("tutorial", ()), ("paper", ("--size", 32))):
        told = ("--data", "mnist", "--preset", preset, "--run", preset, "--max-minutes", 2 * MINUTES, *more)
        ganctl(folder, "train", "dcgan", *told)
        row(folder, preset, 2 * MINUTES)


if __name__ == "__main__":
    main()
