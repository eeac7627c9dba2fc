"""Load a trained model, described by its file's header."""

from pathlib import Path
from warnings import warn

from ganctl import device as devices
from ganctl import tensorfile
from ganctl.data.info import LABELS, DataInfo
from ganctl.errors import CheckpointError, UsageError
from ganctl.gans import find as find_family
from ganctl.inference.model import Model
from ganctl.runs import checkpoint as checkpoints
from ganctl.runs import names
from ganctl.runs.run import Run
from ganctl.settings import require_options


def load(model: str | Path, device: str = "auto", checkpoint: str | None = None) -> Model:
    """Load a model from a run, a checkpoint folder or a ``.safetensors`` file.

    Args:
        model: the path of one of these, or the name of a run under ``runs/``.
        device: as ``--device``: auto, cpu, cuda, cuda:N or mps.
        checkpoint: of a run, ``best`` or the number of a step; the newest usable one if not given.

    Raises:
        CheckpointError: it is none of these, or damaged.
        UsageError: there is no such checkpoint or device.

    Warns:
        UserWarning: of newer checkpoints that could not be used.
    """
    path = names.find(str(model))
    name = path.stem if path.is_file() else path.resolve().name
    path, warnings = _model_file(path, model, checkpoint)
    for warning in warnings:
        warn(warning, stacklevel=2)
    contents = tensorfile.read(path)
    header = contents.header
    checkpoints.require_model(path, header)
    try:
        family = find_family(header["family"])
        require_options(family.options, header["options"])
        info = DataInfo.from_header(header)
        if len(family.needs.sets) > 1 and len(info.domains) != len(family.needs.sets):
            raise ValueError("it does not name two domains")
        if LABELS in family.needs.columns and not info.classes:
            raise ValueError("it names no classes")
        net = family.model(family.options(**header["options"]), info)
        net.load_state_dict(contents.tensors)
    except UsageError as error:
        raise CheckpointError(f"{path} cannot be used: {error.message}", error.remedy) from None
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError) as error:
        reason = " ".join(str(error).split()).rstrip(". ")  # torch lists tensors in many lines
        raise CheckpointError(f"{path} is not what its header says: {reason}.") from None
    return Model(path, name, header, str(model), net.to(devices.choose(device)).eval(), tuple(warnings))


def _model_file(path: Path, model: str | Path, checkpoint: str | None) -> tuple[Path, list[str]]:
    """The ``.safetensors`` file of a run, a checkpoint folder or a file, and warnings of newer ones."""
    if Run(path).exists:
        run = Run(path)
        return checkpoints.newest_model(run) if checkpoint is None else (checkpoints.find_model(run, checkpoint), [])
    if checkpoint is not None:
        raise UsageError(f"{model} is one checkpoint and no run.", "Leave out --checkpoint.")
    if path.is_dir():
        checkpoints.verify(path, (checkpoints.MODEL,))
        path = path / checkpoints.MODEL
    return path, []
