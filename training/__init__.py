# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""How the nets that read number plates are trained; nothing here runs on a gateway."""
