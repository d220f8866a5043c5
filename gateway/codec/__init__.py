# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The only importer of av: decode, encode, mask, mux, JPEG, and the child pool."""
