# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A room and houses behind NAT for tests (`benchmarks.lab.network`); skipped where none can be."""

from contextlib import ExitStack, contextmanager

from benchmarks.lab.network import LabError, lab
from tests.conftest import missing


@contextmanager
def net_lab():
    """Make a lab; the test is skipped, or fails under CI, on a machine without namespaces."""
    with ExitStack() as stack:
        try:
            made = stack.enter_context(lab())
        except (LabError, OSError) as problem:
            missing(f"network namespaces ({problem})")
        yield made
