"""What each score of quality sees: real MNIST digits, spoilt in one way at a time, as a table.

    GANCTL_DATA=... python -m tests.benchmarks.spoilt_sets

Ten thousand pictures each, against the 60,000 training digits. Held-out digits are the reference.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from ganctl.data.batches import to_normalized_tensor
from ganctl.data.cache.dataset import Dataset, open_dataset
from ganctl.data.resolve import resolve_source
from ganctl.evaluation.evaluate import measure_samples, score_verdicts
from ganctl.evaluation.extractors import digits_cnn
from ganctl.evaluation.reference import load_reference, subsample

CPU = torch.device("cpu")
SHOWN = ("fid", "kid", "precision", "recall", "coverage", "rarest", "diversity", "contrast", "repeats", "novelty")


def spoilt(data: Dataset) -> Iterator[tuple[str, Tensor]]:
    """Names of what is wrong, and ten thousand pictures each."""
    real = to_normalized_tensor(data.test, CPU)
    labels = torch.from_numpy(data.test_columns["labels"].copy())
    yield "held-out digits", real
    yield "noise", torch.rand(real.shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    yield "no sevens", real[labels != 7]
    repeated = real.clone()
    repeated[:1000] = repeated[0]
    yield "one picture 1,000 times", repeated
    yield "half the contrast", (real + 1) / 2 - 1
    yield "copies of training digits", to_normalized_tensor(subsample(data.train, len(real)), CPU)


def main() -> None:
    data = open_dataset(resolve_source("mnist", None), 28, 1)
    references = [load_reference(data, digits_cnn.extractor())]
    print(f"| 10,000 pictures | {' | '.join(SHOWN)} | verdict |")
    print(f"| --- |{' --- |' * len(SHOWN)} --- |")
    for name, pictures in spoilt(data):
        scores = measure_samples([pictures], len(pictures), data, references)
        values = {score.name.split("-")[0]: score.value for score in scores}
        verdicts = ", ".join(verdict.code for verdict in score_verdicts(scores)) or "none"
        print(f"| {name} | {' | '.join(f'{values[key]:.3g}' for key in SHOWN)} | {verdicts} |", flush=True)


if __name__ == "__main__":
    main()
