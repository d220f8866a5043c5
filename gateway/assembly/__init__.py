# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Where siblings meet: small objects that join roles for the composition roots (ADR 1)."""
