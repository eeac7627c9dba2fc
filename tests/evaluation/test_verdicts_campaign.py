"""Every verdict provoked by a real small training, and none of them by healthy ones; run with ``-m campaign``."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ganctl.data.batches import to_normalized_tensor
from ganctl.data.cache.dataset import Dataset, TwoDatasets
from ganctl.data.info import DataInfo
from ganctl.data.sources import digits, striped
from ganctl.engine import session
from ganctl.engine.events import Event, Subscriber, VerdictChanged
from ganctl.engine.setup import configure
from ganctl.evaluation.verdicts import VERDICTS
from ganctl.gans import dataset, dcgan
from ganctl.gans.options.dcgan import Options
from ganctl.settings import Settings

pytestmark = pytest.mark.campaign

Bytes = NDArray[np.uint8]

EPOCHS = 3
PICTURES = 20_000


def digits_training(**flags: Any) -> Settings:
    """Three epochs of the default preset on the built-in digits."""
    told: dict[str, Any] = {"epochs": EPOCHS, "limit": PICTURES, "evaluate_every": 1}
    return configure("dcgan", data="digits", flags=told | flags)


def raised(settings: Settings) -> dict[str, int]:
    """The verdicts of severity warning that a training raises, and the epochs at which."""
    events: list[Event] = []
    with session.start(settings, "some/run") as started:
        started.train(lambda: None, Subscriber(events.append))
    judged = [event for event in events if isinstance(event, VerdictChanged)]
    return {event.verdict.code: event.epoch for event in judged if event.raised}


def warnings(settings: Settings) -> set[str]:
    return {code for code, epoch in raised(settings).items() if VERDICTS[code].severity == "warning"}


def rate(player: str) -> float:
    return float(getattr(Options(), f"lr_{player}"))


@pytest.mark.parametrize("seed", range(5))
def test_a_healthy_training_is_warned_of_nothing(seed: int) -> None:
    assert warnings(digits_training(seed=seed)) == set()


def test_a_generator_that_is_fifty_times_too_fast_loses() -> None:
    found = warnings(digits_training(lr_generator=50 * rate("generator")))
    assert {"D-WINS", "COLLAPSE", "PALE"} <= found, "its pictures are all black"


def test_a_discriminator_that_is_fifty_times_too_fast_chases_and_is_chased() -> None:
    assert "OSCILLATING" in warnings(digits_training(lr_discriminator=50 * rate("discriminator")))


def test_a_discriminator_that_hardly_learns_is_exploited() -> None:
    assert {"G-WINS", "CHECKERBOARD"} <= warnings(digits_training(lr_discriminator=1e-7))


def without_noise(options: Options, model: nn.Module, info: DataInfo) -> dcgan.DCGAN:
    """A DCGAN whose latents are all the same."""
    model.register_forward_pre_hook(lambda net, latents: torch.zeros_like(latents[0]))
    return dcgan.DCGAN(options, model, info)


def test_a_generator_without_noise_collapses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dcgan, "FAMILY", replace(dcgan.FAMILY, training=without_noise))
    assert "COLLAPSE" in warnings(digits_training())


def learn_from(monkeypatch: pytest.MonkeyPatch, train: Bytes, labels: Bytes) -> None:
    """Let trainings on the built-in digits learn from others, against the same held-out ones."""
    test, test_labels = digits.generate("test", 0, 1000)
    name = f"of {len(np.unique(train, axis=0))} pictures"
    columns = {"labels": labels}, {"labels": test_labels}, tuple("0123456789")
    data = Dataset("digits", "digits", train[..., None], test[..., None], name, [], 0, *columns)
    monkeypatch.setattr(dataset, "open_data", lambda *_, fresh=True: (data, []))


def test_twenty_pictures_are_learnt_by_heart(monkeypatch: pytest.MonkeyPatch) -> None:
    few, labels = digits.generate("train", 0, 20)
    learn_from(monkeypatch, np.tile(few, (1000, 1, 1)), np.tile(labels, 1000))
    assert "MEMORISING" in warnings(digits_training())


def test_classes_that_are_not_learned_are_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    train, labels = digits.generate("train", 0, PICTURES)
    learn_from(monkeypatch, train[labels < 5], labels[labels < 5])
    assert "DROPPED" in warnings(digits_training())


def test_a_domain_of_negatives_is_translated_to_negatives(monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = (striped.generate(part, "plain", 0, count, 32) for part, count in (("train", 400), ("test", 20)))
    light = Dataset("light", "", train, test, "", [], 0)
    dark = Dataset("dark", "", 255 - train, 255 - test, "", [], 0)
    data = TwoDatasets("animals", "", ("light", "dark"), (light, dark))
    monkeypatch.setattr(dataset, "open_data", lambda *_, fresh=True: (data, []))
    small = {"width": "8", "blocks": "1", "discriminator_width": "16", "lambda_identity": "0", "jitter": "1"}
    small |= {"output": "image", "lr_generator": "1e-3", "lr_discriminator": "1e-3"}
    flags = {"size": 32, "epochs": EPOCHS, "batch_size": 1}
    assert "INVERTED" in warnings(configure("cyclegan", data="plain2striped", flags=flags, assignments=small))


class Perfect(nn.Module):
    """A generator that draws digits that nobody has seen, whatever it learns."""

    def __init__(self) -> None:
        super().__init__()
        unseen, _ = digits.generate("train", PICTURES, digits.COUNTS["train"])
        self.register_buffer("pictures", to_normalized_tensor(unseen[..., None], torch.device("cpu")))
        self.nothing = nn.Parameter(torch.zeros(()))

    def forward(self, latents: Tensor) -> Tensor:
        pictures = self.get_buffer("pictures")
        chosen = torch.special.ndtr(latents[:, 0]) * len(pictures)
        return pictures[chosen.long().clamp(max=len(pictures) - 1)] + 0 * self.nothing


def test_a_perfect_generator_ends_in_equilibrium(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dcgan, "FAMILY", replace(dcgan.FAMILY, model=lambda options, info: Perfect()))
    assert set(raised(digits_training(epochs=9))) == {"EQUILIBRIUM"}
