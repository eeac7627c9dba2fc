"""Average two models of one training, a share for each part: the second leg's weights on the way from the first's.

    python -m tests.benchmarks.average_models FIRST SECOND OUT 'PATTERN=SHARE'…

A weight is (1 − share) · FIRST + share · SECOND; the share is that of the last regular expression found in its name, or
1. The header is SECOND's. Weights of one training that lie in one basin can be averaged (Izmailov et al. 2018,
https://arxiv.org/abs/1803.05407).
"""

import re
import sys
from pathlib import Path

from ganctl import tensorfile
from ganctl.tensorfile import TensorFile


def main() -> None:
    first, second = (tensorfile.read(Path(path)) for path in sys.argv[1:3])
    shares = [(re.compile(pattern), float(share)) for pattern, share in (text.split("=") for text in sys.argv[4:])]
    averaged = {}
    for name, tensor in second.tensors.items():
        share = next((share for pattern, share in reversed(shares) if pattern.search(name)), 1.0)
        averaged[name] = first.tensors[name].float().lerp(tensor.float(), share).to(tensor.dtype)
    tensorfile.write(Path(sys.argv[3]), TensorFile(averaged, second.header))


if __name__ == "__main__":
    main()
