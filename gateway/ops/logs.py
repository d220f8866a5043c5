# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Log lines as JSON: a stable event name and its fields, one line per change of state."""

import json
import logging
from datetime import UTC, datetime
from typing import TextIO

from typing_extensions import override

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Turns a record into one JSON object; what was passed as `extra` becomes its fields."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        """Return one line without a line break."""
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, object] = {
            "ts": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)  # ASCII: no control character reaches a terminal


def configure(level: str, stream: TextIO) -> None:
    """Send everything of `level` and above to `stream`; chatty libraries only when they warn."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.access", "asyncio", "mqtt", "libav", "aiortc"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # warns once for each malformed request: whoever sends them would fill the disk
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
