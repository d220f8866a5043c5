# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What `make yolo` tries: a net of ultralytics, as ONNX in our cage and as itself beside it."""
