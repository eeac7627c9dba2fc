"""Memory that is this process's own grows neither with the epochs nor with the data."""

import json
import os
import subprocess
import sys
from pathlib import Path

MEASURED = """
import json, sys
from pathlib import Path
import numpy as np
import torch
from ganctl.engine import events, session
from ganctl.engine.setup import configure
from ganctl.data.cache.dataset import Dataset
from ganctl.data.batches import ShuffledBatches

def held():
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon")]
    return int(line.split()[1]) / 1024  # MiB

def trained():
    small = {"width": "8", "latent_dim": "8", "r1_every": "4"}
    flags = {"size": 32, "batch_size": 20, "epochs": 60}
    told = configure("dcgan", data=sys.argv[1], flags=flags, assignments=small)
    with session.start(told) as started:
        each = []
        def note(event):
            if isinstance(event, events.Saved) and event.step % started.batches.steps_per_epoch == 0:
                each.append(held())
        started.train(lambda: None, events.Subscriber(note))
        return each

def fed():
    with Path("pictures").open("wb") as file:
        file.truncate(256 * 2**20)  # a hole: it takes no room on the disk
    pictures = np.memmap("pictures", np.uint8, "r", shape=(16384, 128, 128, 1))
    data = Dataset("holes", "holes", pictures, pictures[:0], "", [], 0)
    batches = ShuffledBatches(data, 64, seed=0)
    for step in range(batches.steps_per_epoch):
        batches.batch(step, torch.device("cpu"))
        yield held()

print(json.dumps({"trained": trained(), "fed": list(fed())}))
"""


def test_memory_grows_neither_with_the_epochs_nor_with_the_data(photos: Path) -> None:
    command = [sys.executable, "-c", MEASURED, str(photos)]
    alone = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=alone, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stderr
    held = json.loads(done.stdout)
    assert len(held["trained"]) == 60
    growth = max(held["trained"][45:]) - max(held["trained"][10:30])
    assert growth < 6  # MiB; the pictures of these 30 epochs alone would be 14
    assert len(held["fed"]) == 256
    assert max(held["fed"]) - held["fed"][10] < 32  # MiB, of 256 that were read
