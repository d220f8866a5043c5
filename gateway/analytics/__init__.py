# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""LOOK: from pictures to an Observation to an Alarm."""
