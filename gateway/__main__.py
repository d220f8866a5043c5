# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""`python -m gateway` is `varco`."""

import sys

from gateway.cli.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
