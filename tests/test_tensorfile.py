"""A safetensors file gives back every bit that was written, and a malformed one is refused in a sentence."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from ganctl import tensorfile
from ganctl.errors import CheckpointError
from ganctl.files import umask
from ganctl.tensorfile import TensorFile

TENSORS: Mapping[str, Tensor] = {
    "scalar": torch.tensor(3.5),
    "empty": torch.zeros(0, 3),
    "channels last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
    "half": torch.randn(3).to(torch.bfloat16),
    "whole": torch.tensor([1, -2]),
    "truth": torch.tensor([True, False]),
}


@pytest.fixture
def path() -> Path:
    """A file with `TENSORS`."""
    path = Path("some.safetensors")
    tensorfile.write(path, TensorFile(TENSORS, {"step": 3, "name": "höhe"}))
    return path


def split(path: Path) -> tuple[dict[str, Any], bytes]:
    """The table of a file, and the bytes of its tensors."""
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def rewrite(path: Path, table: str, data: bytes) -> None:
    path.write_bytes(struct.pack("<Q", len(table.encode())) + table.encode() + data)


def test_what_is_written_is_read_back_bit_for_bit(path: Path) -> None:
    content = tensorfile.read(path)
    assert content.header == {"step": 3, "name": "höhe"}
    assert content.tensors.keys() == TENSORS.keys()
    assert all(torch.equal(content.tensors[name], tensor) for name, tensor in TENSORS.items())
    assert path.stat().st_mode & 0o777 == 0o644 & ~umask()
    assert tensorfile.count_elements(path) == sum(tensor.numel() for tensor in TENSORS.values())


def test_a_file_that_names_a_tensor_twice_is_refused(path: Path) -> None:
    table, data = split(path)
    rewrite(path, json.dumps(table)[:-1] + f', "half": {json.dumps(table["half"])}}}', data)
    with pytest.raises(CheckpointError, match="twice"):
        tensorfile.read_header(path)


def test_a_file_with_overlapping_or_missing_tensors_is_refused(path: Path) -> None:
    table, data = split(path)
    overlapping = {**table, "half": {**table["half"], "data_offsets": table["whole"]["data_offsets"]}}
    missing = {name: entry for name, entry in table.items() if name != "half"}
    unknown_dtype = {**table, "half": {**table["half"], "dtype": "Q7"}}
    for malformed in (overlapping, missing, unknown_dtype, {**table, "half": 3}, [1, 2]):
        rewrite(path, json.dumps(malformed), data)
        with pytest.raises(CheckpointError):
            tensorfile.read_header(path)


def test_a_foreign_safetensors_file_is_refused_by_name() -> None:
    save_file({"x": torch.zeros(3)}, "foreign.safetensors")
    with pytest.raises(CheckpointError, match="not written by ganctl"):
        tensorfile.read(Path("foreign.safetensors"))
