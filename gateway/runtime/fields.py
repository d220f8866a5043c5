# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Types of fields in texts that people write; each refusal says what to write instead.

No refusal repeats the value: it may be a password in the wrong place.
"""

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

from gateway.model.identifiers import ID_FORM

REFERENCE_FORM = re.compile(
    r"credential:[A-Za-z0-9_][A-Za-z0-9_.-]*|env:[A-Za-z_][A-Za-z0-9_]*|file:/[^\0]+"
)
REFERENCE_ADVICE = "write credential:NAME, env:NAME or file:/absolute/path"
CREDENTIALS_IN_URL = re.compile(
    r"//[^/?#]*@|(?:passw(?:or)?d|pass|pwd)=|(?<![a-z])(?:user(?:name)?|usr|login|token|auth)=",
    re.IGNORECASE,
)
"""User information (RFC 3986 §3.2.1) and the spellings that recorders put into path or query."""


class Text(BaseModel):
    """A table that a person wrote: unknown keys are refused, numbers are not guessed from text."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def refusal(problem: str, advice: str, key: str = "") -> PydanticCustomError:
    """Return the error that a validator raises; `key` names the field if the table is refused."""
    context = {"problem": problem, "advice": advice, "key": key}
    return PydanticCustomError("refusal", "{problem}", context)


def _id(value: str) -> str:
    if not ID_FORM.match(value):
        raise refusal(
            "is not an id", "write 1 to 64 of a-z, 0-9 and -, beginning and ending with a-z or 0-9"
        )
    return value


def _reference(value: str) -> str:
    if value and not REFERENCE_FORM.fullmatch(value):
        raise refusal("is not a reference to a secret", REFERENCE_ADVICE)
    return value


def _line(value: str) -> str:
    if not value.isprintable():
        raise refusal("contains control characters", "write one line of plain text")
    return value


def _host(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.:-]{1,253}", value):
        raise refusal("is not a host", 'write a name or an address, for example "192.0.2.10"')
    return value


def is_loopback(host: str) -> bool:
    """Return whether a host name or address can only mean this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


Flag = Annotated[bool, Field(strict=True)]
Whole = Annotated[int, Field(strict=True)]
Number = Annotated[float, Field(strict=True)]
Line = Annotated[str, StringConstraints(strict=True, max_length=500), AfterValidator(_line)]
Id = Annotated[str, StringConstraints(strict=True), AfterValidator(_id)]
Host = Annotated[str, StringConstraints(strict=True), AfterValidator(_host)]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]
Reference = Annotated[
    str, StringConstraints(strict=True, max_length=500), AfterValidator(_reference)
]
