# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""TRAIN: a virtual town and its cameras, marked ESERCITAZIONE."""
