# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The real child, cage and all, with eyes for block plates: `python -m … child --fd N`."""

import os
import sys

from gateway import child
from tests.unit.analytics.plates.blocks import BlockEyes

if __name__ == "__main__":
    os._exit(child.main(sys.argv[1:], eyes=lambda *_: BlockEyes()))
