# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Nets are checked before they run."""

import json
import shutil

import numpy as np
import pytest

from gateway.analytics.plates import models
from gateway.analytics.plates.models import ModelOptions
from gateway.model.errors import ConfigError
from tests.unit.analytics.plates.nets import folder


@pytest.fixture
def copied(tmp_path):
    """Return a copy of the nets that may be spoilt."""
    for name in ("finder.onnx", "reader.onnx", "weights.json"):
        shutil.copyfile(folder() / name, tmp_path / name)
    return tmp_path


def test_a_net_that_is_not_the_described_one_is_refused_by_name(copied):
    """One byte more is another net."""
    path = copied / "reader.onnx"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ConfigError, match=r"reader\.onnx: sha256") as refused:
        models.load(copied)
    assert str(path) in str(refused.value)


def test_a_missing_folder_file_or_description_is_named(copied, tmp_path):
    """So are a description that is no JSON, and a file that is no net though described so."""
    with pytest.raises(ConfigError, match=r"weights\.json"):
        models.load(tmp_path / "nowhere")
    (copied / "finder.onnx").unlink()
    with pytest.raises(ConfigError, match=r"finder\.onnx.*cannot be read"):
        models.load(copied)
    (copied / "weights.json").write_text("[1]")
    with pytest.raises(ConfigError, match="no JSON object"):
        models.load(copied)


def test_a_finder_of_ones_own_takes_the_place_of_ours(copied):
    """It needs no description; what is no net, or answers otherwise, is refused."""
    ours = models.load(copied)
    own = ModelOptions(finder=copied / "finder.onnx", finder_threshold=0.6)
    loaded = models.load(copied, options=own)
    assert (loaded.finder.form, loaded.finder.threshold) == (ours.finder.form, 0.6)
    with pytest.raises(ConfigError, match=r"shape|input"):
        models.load(copied, options=ModelOptions(finder=copied / "reader.onnx"))
    (copied / "own.onnx").write_bytes(b"no net at all")
    with pytest.raises(ConfigError, match=r"own\.onnx.*no net"):
        models.load(copied, options=ModelOptions(finder=copied / "own.onnx"))


def test_a_provider_that_is_not_installed_is_passed_over(copied):
    """The CPU does it then."""
    loaded = models.load(copied, options=ModelOptions(providers=("NoSuchProvider",)))
    assert loaded.reader.session.get_providers() == ["CPUExecutionProvider"]
    tensor = np.zeros((1, 1, *loaded.reader.shape[2:]), np.float32)
    assert loaded.reader.run(tensor)[0].shape[2] == 37


def test_countries_are_told_in_the_order_of_the_description(copied):
    """Under `nets` as well as at the top."""
    told = json.loads((copied / "weights.json").read_text())
    nets = told.pop("nets", None) or {key: told.pop(key) for key in ("finder", "reader")}
    name = "reader" if "reader" in nets else "reader.onnx"
    nets[name]["countries"] = ["IT", "FR"]
    (copied / "weights.json").write_text(json.dumps(told | {"nets": nets}))
    assert models.load(copied).countries == ("IT", "FR")
