# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Options as values."""

from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest

from gateway.config.load import parse


def test_options_cannot_be_patched_while_the_box_runs():
    """A change is a new value that goes through reload."""
    options = parse('[box]\nid = "a"\nname = "A"\n', Path("/x/gateway.toml"))
    with pytest.raises(FrozenInstanceError):
        options.box.name = "B"


def test_the_control_socket_stands_in_the_runtime_folder():
    """Commands and daemon agree on the place."""
    options = parse('[box]\nid = "a"\nname = "A"\n', Path("/x/gateway.toml"))
    box = replace(options.box, runtime_dir=Path("/tmp/r"))
    assert box.control_socket == Path("/tmp/r/control.sock")
