"""ganctl: train GANs, sample from them, film their progress, and never lose a run.

The public names, imported when first used, because torch costs about two seconds:

    train       begin a run and train it, without a terminal
    load        open a trained model; `Model.sample` generates images, `Model.translate` translates them
"""

from typing import TYPE_CHECKING, Any

from ganctl.errors import CheckpointError, DataError, DivergedError, GanctlError, StorageError, UsageError

if TYPE_CHECKING:
    from ganctl.engine.session import train
    from ganctl.inference.loading import load
    from ganctl.inference.model import Model

__version__ = "0.1.0"
__all__ = [
    "CheckpointError",
    "DataError",
    "DivergedError",
    "GanctlError",
    "Model",
    "StorageError",
    "UsageError",
    "load",
    "train",
]

_HOMES = {"Model": "ganctl.inference.model", "load": "ganctl.inference.loading", "train": "ganctl.engine.session"}


def __getattr__(name: str) -> Any:
    """The lazy public names (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'ganctl' has no attribute {name!r}")
    from importlib import import_module

    from ganctl import threads

    threads.configure()  # which these names will load torch with, unless it is loaded already
    return vars(import_module(_HOMES[name]))[name]
