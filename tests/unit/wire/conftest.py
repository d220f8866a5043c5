# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Settings of the property tests of this folder."""

from hypothesis import settings

settings.register_profile("wire", deadline=None)  # machines that run other things meanwhile
settings.load_profile("wire")
