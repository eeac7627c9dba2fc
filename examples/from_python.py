"""Train a GAN and sample from it without the command line.

python examples/from_python.py
"""

from pathlib import Path

import ganctl
from ganctl.images.grids import save_grid

run = ganctl.train("dcgan", data="digits", limit=6000, epochs=2)
model = ganctl.load(run)
digits = model.sample(16, seed=7)  # [16, 1, 28, 28] in [-1, 1]
save_grid(Path("sixteen.png"), digits, columns=4)
print(f"{run} was trained for {model.header['step']} steps; sixteen.png shows its samples.")
