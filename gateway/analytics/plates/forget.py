# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Overwrite what pictures and readers left behind, as far as Python lets one (D.9).

Arrays and byte arrays are filled in place. Texts cannot be: they are dropped, and where this runs
the allocator fills what is freed (see `gateway.codec.pool`).
"""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

import numpy as np


def wipe(value: object) -> None:
    """Fill every array and byte array within a value with zeros: sequences, mappings, dataclasses.

    An array that is a view clears what it looks into; one that cannot be written is left.
    """
    if isinstance(value, np.ndarray):
        base = value
        if base.flags.writeable:
            base.fill(0)
    elif isinstance(value, bytearray):
        value[:] = bytes(len(value))
    elif isinstance(value, Mapping):
        for one in value.values():
            wipe(one)
    elif isinstance(value, list | tuple | set | frozenset):
        for one in value:
            wipe(one)
    elif is_dataclass(value) and not isinstance(value, type):
        for one in fields(value):
            wipe(getattr(value, one.name))
