# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Figures about the whole: `python -m benchmarks.NAME [--quick] --json FILE`. Nothing asserts."""
