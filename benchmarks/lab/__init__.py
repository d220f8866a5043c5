# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What benchmarks share: figures, child processes, cameras to pull from, and things to look at."""
