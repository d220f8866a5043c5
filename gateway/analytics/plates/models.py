# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The nets that find and read plates, on ONNX Runtime: one thread each, checked before they run.

Two are ours (`weights/`, their SHA-256 in `weights.json`), one is the recogniser out of the
`rapidocr` wheel (`second.py`), and whoever has a better finder names it. No file is fetched.
"""

import hashlib
import importlib.util
import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gateway.analytics.plates import second
from gateway.model.errors import ConfigError

if TYPE_CHECKING:
    import onnxruntime

WEIGHTS = Path(__file__).with_name("weights")
"""Our nets, with `weights.json` beside them."""
SIGNS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""What plates are written with; class 36 of a reader is the blank of its CTC."""
CPU = "CPUExecutionProvider"
_DESCRIPTION = "weights.json"
_QUIET = 3
"""ONNX Runtime says errors only."""

Tensor = NDArray[np.float32]


class Form(Enum):
    """How a finder answers."""

    BOXES = "boxes"
    """(1, 5, H/8, W/8): a logit and the distances to the four sides, for each cell."""
    QUADS = "quads"
    """(1, 9, H/8, W/8): a logit and the four corners, for each cell."""
    CENTRES = "centres"
    """(1, 4 + classes, N): centre, size and scores; overlapping ones too (YOLO)."""
    CORNERS = "corners"
    """(1, N, 6): left, top, right, bottom, score, class; overlapping ones are gone (YOLO)."""


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """What may be chosen."""

    finder: Path | None = None
    """A finder of one's own instead of ours, for instance an export of ultralytics."""
    finder_threshold: float = 0.0
    """Least score of what counts as found, 0..1; 0: as the finder's description says."""
    providers: tuple[str, ...] = (CPU,)
    """Of ONNX Runtime, the most wanted first; those not installed are passed over."""


@dataclass(frozen=True, slots=True)
class Net:
    """One loaded net."""

    session: "onnxruntime.InferenceSession"
    input: str
    shape: tuple[int, ...]
    """Of the input; 0 where any size will do."""

    def run(self, tensor: Tensor) -> list[Tensor]:
        """Return the outputs for one input of `shape`, float32."""
        return [np.asarray(one, np.float32) for one in self.session.run(None, {self.input: tensor})]


@dataclass(frozen=True, slots=True)
class Finder:
    """A net that finds plates, and how it is asked."""

    net: Net
    form: Form
    long_px: int
    """The longer side of the picture is brought to this."""
    threshold: float


@dataclass(frozen=True, slots=True)
class Models:
    """Everything that looks at pictures."""

    finder: Finder
    reader: Net
    """Input (1, 1, H, W), outputs (1, T, 37) logits and perhaps (1, K) logits of `countries`."""
    second: Net | None
    """Input (1, 3, 48, W), output (1, T, len(second.KEPT)); None: nothing is ever certain."""
    countries: tuple[str, ...] = ()
    """ISO 3166-1 alpha-2, in the order of the reader's second output."""


def installed_second() -> Path | None:
    """Return where the second reader's weights lie, None if the package is not installed."""
    spec = importlib.util.find_spec(second.PACKAGE)
    places = (spec.submodule_search_locations or []) if spec else []
    found = (Path(one) / second.FILE for one in places)
    return next((one for one in found if one.is_file()), None)


def load(
    folder: Path = WEIGHTS, second_file: Path | None = None, options: ModelOptions | None = None
) -> Models:
    """Return the nets of a folder, each checked against its SHA-256.

    ConfigError names the file that is missing, is another than described, or is no net.
    """
    wish = options or ModelOptions()
    description = _description(folder)
    data = _checked(folder, description, "reader")
    reader = _net(data, folder / "reader.onnx", wish.providers)
    _require(reader, folder, len(reader.shape) == 4 and min(reader.shape[1:]) > 0)  # noqa: PLR2004
    named = _part(description, "reader").get("countries")
    countries = tuple(str(one) for one in named) if isinstance(named, list) else ()
    other = None
    if second_file is not None:
        pruned = second.pruned(_read(second_file), str(second_file))
        other = _net(pruned, second_file, wish.providers)
    return Models(_finder(folder, description, wish), reader, other, countries)


def _require(net: Net, where: Path, fits: bool) -> None:
    if not fits:
        raise ConfigError(str(where), "input", f"shape {net.shape} is not what is expected")


def _finder(folder: Path, description: dict[str, object], wish: ModelOptions) -> Finder:
    part = _part(description, "finder")
    if wish.finder is None:
        path, data = folder / "finder.onnx", _checked(folder, description, "finder")
    else:
        path, data, part = wish.finder, _read(wish.finder), {}
    net = _net(data, path, wish.providers)
    _require(net, path, len(net.shape) == 4 and net.shape[1] == 3)  # noqa: PLR2004
    form = _form(net, path)
    long_px = max(net.shape[2:]) or int(_number(part, "input_long_px", 640))
    threshold = wish.finder_threshold or _number(part, "threshold", 0.35)
    return Finder(net, form, long_px, threshold)


def _form(net: Net, path: Path) -> Form:
    """Return how a finder answers, by the shape of its first output."""
    shape: Sequence[object] = net.session.get_outputs()[0].shape
    if len(shape) == 4 and shape[1] in (5, 9):  # noqa: PLR2004
        return Form.QUADS if shape[1] == 9 else Form.BOXES  # noqa: PLR2004
    if len(shape) == 3 and shape[2] == 6:  # noqa: PLR2004
        return Form.CORNERS
    if len(shape) == 3 and isinstance(shape[1], int) and shape[1] >= 5:  # noqa: PLR2004
        return Form.CENTRES
    raise ConfigError(
        str(path), "output", f"shape {list(shape)} is no finder's", "write (1,5,N) as of YOLO"
    )


def _net(data: bytes, path: Path, providers: tuple[str, ...]) -> Net:
    """Return a session that uses one thread and keeps no memory between pictures."""
    import onnxruntime  # noqa: PLC0415 - its threads may not be there before a process forks

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _QUIET
    options.enable_cpu_mem_arena = False  # what a picture left there would stay readable
    there = onnxruntime.get_available_providers()
    chosen = [one for one in providers if one in there] or [CPU]
    try:
        session = onnxruntime.InferenceSession(data, options, providers=chosen)
    except Exception as error:
        if type(error).__module__.startswith("onnxruntime"):
            raise ConfigError(str(path), "", "is no net that can be run") from error
        raise
    first = session.get_inputs()[0]
    return Net(session, first.name, tuple(x if isinstance(x, int) else 0 for x in first.shape))


def _description(folder: Path) -> dict[str, object]:
    path = folder / _DESCRIPTION
    try:
        found = json.loads(_read(path))
    except ValueError as error:
        raise ConfigError(str(path), "", "is no JSON") from error
    if not isinstance(found, dict):
        raise ConfigError(str(path), "", "is no JSON object")
    return found


def _part(description: dict[str, object], name: str) -> dict[str, object]:
    """Return what is said of one net: under its name, or under `nets` and its name."""
    nets = description.get("nets")
    both = (description, nets if isinstance(nets, dict) else {})
    for one in both:
        for key in (name, f"{name}.onnx"):
            part = one.get(key)
            if isinstance(part, dict):
                return part
    return {}


def _number(part: dict[str, object], key: str, default: float) -> float:
    value = part.get(key, default)
    return float(value) if isinstance(value, int | float) else default


def _checked(folder: Path, description: dict[str, object], name: str) -> bytes:
    """Return a net's file; ConfigError if it is another than described."""
    path = folder / f"{name}.onnx"
    data = _read(path)
    if hashlib.sha256(data).hexdigest() != _part(description, name).get("sha256"):
        advice = "take the file that was released, or describe yours"
        raise ConfigError(str(path), "sha256", f"is not the one that {_DESCRIPTION} tells", advice)
    return data


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(str(path), "", f"cannot be read: {error.strerror}") from error
