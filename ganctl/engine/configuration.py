"""From what was asked for to a training's settings, every value in its place."""

from collections.abc import Mapping

from ganctl import tensorfile
from ganctl.errors import CheckpointError, UsageError
from ganctl.gans import find as find_family
from ganctl.runs import checkpoint
from ganctl.settings import Settings, Value, resolve
from ganctl.text import malformed


def configure(
    family: str,
    *,
    data: str | None = None,
    domains: str | None = None,
    pair: str | None = None,
    preset: str | None = None,
    init_from: str | None = None,
    flags: Mapping[str, Value] | None = None,
    assignments: Mapping[str, str] | None = None,
) -> Settings:
    """Lay the settings' layers over each other; see `settings.resolve`.

    Raises:
        UsageError: something that does not exist, or is out of bounds.
        CheckpointError: `init_from` is no usable model.
    """
    found, base = find_family(family), None
    if init_from is not None:
        file = checkpoint.model_file(init_from).resolve()
        header = tensorfile.read_header(file)
        checkpoint.require_model(file, header)
        try:
            if header["family"] != family:
                raise UsageError(f"{init_from} is a {header['family']} and not a {family}.")
            base = {**header["options"], "size": header["shape"][1], "channels": header["shape"][0]}
        except (KeyError, TypeError, IndexError) as error:
            raise CheckpointError(f"{init_from} does not say what it is: {malformed(error)}.") from None
        init_from = str(file)
    return resolve(
        family,
        found.options,
        found.presets,
        preset=preset,
        default_preset=found.default_preset,
        flags=flags or {},
        assignments=assignments or {},
        base=base,
        data=data,
        domains=domains,
        pair=pair,
        init_from=init_from,
    )
