"""Read and write safetensors files: tensors, and beside them one JSON object.

Nothing in a file is ever executed: names, shapes, numbers and JSON are all it can hold.
"""

import errno
import json
import math
import os
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from ganctl.errors import CheckpointError
from ganctl.files import umask
from ganctl.text import describe_malformed

_METADATA_KEY = "ganctl"
_MAX_HEADER_BYTES = 100 * 2**20  # the format's own limit
_DTYPE_BYTES = {
    "F64": 8,
    "I64": 8,
    "U64": 8,
    "F32": 4,
    "I32": 4,
    "U32": 4,
    "F16": 2,
    "BF16": 2,
    "I16": 2,
    "U16": 2,
}


@dataclass(frozen=True)
class TensorFile:
    """The content of one safetensors file.

    Attributes:
        tensors: by name.
        header: the JSON object that ganctl wrote beside them.
    """

    tensors: Mapping[str, Tensor]
    header: Mapping[str, Any]


def write(path: Path, content: TensorFile) -> None:
    """Write a file; the caller stages it. Tensors are stored contiguous and on the CPU.

    Raises:
        OSError: the disk refuses.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in content.tensors.items()}
    try:
        save_file(tensors, path, metadata={_METADATA_KEY: json.dumps(content.header)})
    except SafetensorError as error:  # how its Rust core reports the disk
        number = re.search(r"(?:os error|code:) (\d+)", str(error))
        code = int(number[1]) if number else errno.EIO
        raise OSError(code, os.strerror(code), str(path)) from None
    path.chmod(0o666 & ~umask())  # save_file makes it 0600


def read_header(path: Path) -> Mapping[str, Any]:
    """Read the JSON object that ganctl wrote into a file, once the whole table of tensors has been checked.

    Raises:
        CheckpointError: the file is missing, cut, malformed, names a tensor twice, or is not ganctl's.
    """
    try:
        with path.open("rb") as file:
            length = struct.unpack("<Q", file.read(8))[0]
            if length > min(_MAX_HEADER_BYTES, path.stat().st_size - 8):
                raise ValueError("its header is cut")
            table = json.loads(file.read(length), object_pairs_hook=refuse_duplicates)
        metadata = table.pop("__metadata__", {})
        end = _contiguous_end(table)
        if end != path.stat().st_size - 8 - length:
            raise ValueError("its size is not what its header says")
        header = json.loads(metadata[_METADATA_KEY])
        if not isinstance(header, dict):
            raise ValueError("its header is no object")
    except (OSError, ValueError, TypeError, AttributeError, KeyError, RecursionError, struct.error) as error:
        is_foreign = isinstance(error, KeyError) and error.args[0] == _METADATA_KEY
        problem = "it was not written by ganctl" if is_foreign else describe_malformed(error)
        raise CheckpointError(f"{path} cannot be used: {problem}.") from None
    return header


def read(path: Path) -> TensorFile:
    """Read a file's tensors, onto the CPU, and its header.

    Raises:
        CheckpointError: as `read_header`.
    """
    header = read_header(path)
    try:
        return TensorFile(load_file(path), header)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path} cannot be used: {describe_malformed(error)}.") from None


def count_elements(path: Path) -> int:
    """Count the values in a file's tensors, from its table alone."""
    with safe_open(path, "pt") as file:
        return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118 - no mapping


def refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object from its pairs, as json's ``object_pairs_hook``; ValueError where a name stands twice."""
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name stands in it twice")
    return table


def _contiguous_end(table: Mapping[str, Any]) -> int:
    """The offset behind the last tensor; ValueError unless they lie one after the other, without gap or overlap."""
    position = 0
    for begin, end, size in sorted((*entry["data_offsets"], _byte_count(entry)) for entry in table.values()):
        if begin != position or end - begin != size:
            raise ValueError("its tensors do not lie one after the other")
        position = end
    return position


def _byte_count(entry: Mapping[str, Any]) -> int:
    return int(math.prod(entry["shape"]) * _DTYPE_BYTES.get(entry["dtype"], 1))
