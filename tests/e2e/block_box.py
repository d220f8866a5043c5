# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The real gateway, whose children read block plates instead of real ones: `python -m … run …`."""

import functools
import sys

from gateway import app
from gateway.cli.main import main
from gateway.codec.pool import PoolOptions

CHILD = (sys.executable, "-m", "tests.unit.analytics.plates.block_child")

if __name__ == "__main__":
    app.PoolOptions = functools.partial(PoolOptions, command=CHILD)
    sys.exit(main(sys.argv[1:]))
