# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""KNOW: controllers, sites, cameras, zones, masks, acts, recipients, users."""
