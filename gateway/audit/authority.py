# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The log's calls over HTTP: an RFC 3161 authority, and witnesses of C2SP `tlog-witness`."""

import asyncio
import base64
from collections.abc import Sequence
from typing import Final

import aiohttp

from gateway.audit.timestamp import MOST_TOKEN_BYTES, check, question
from gateway.audit.witness import BehindError
from gateway.model.errors import PeerError, WireError
from gateway.wire.cosignature import MOST_LINE_CHARS, WitnessKey

ANSWER_S: Final = 20.0
"""An authority on the internet answers in a second; a line by radio may take ten."""
_MOST_SIZE_BYTES: Final = 32
_OK, _CONFLICT = 200, 409


async def obtain_token(url: str, data: bytes, roots_pem: bytes) -> tuple[int, bytes]:
    """Return time (microseconds UTC) and token of an authority over `data`, checked.

    PeerError if it is absent, slow or refuses; WireError if its answer is no such token.
    """
    asked = await asyncio.to_thread(question, data)
    headers = {
        "Content-Type": "application/timestamp-query",
        "Accept": "application/timestamp-reply",
    }
    status, body = await _post(url, asked.der, headers, MOST_TOKEN_BYTES)
    if status != _OK:
        raise PeerError(f"{url}: HTTP {status}")
    return await asyncio.to_thread(check, body, data, roots_pem, asked.nonce), body


class HttpWitness:
    """A witness that speaks `tlog-witness`: one POST per checkpoint."""

    def __init__(self, key: WitnessKey, url: str) -> None:
        self.key = key
        self._url = f"{url.rstrip('/')}/add-checkpoint"

    async def cosign(self, note: str, first: int, proof: Sequence[bytes]) -> str:
        """Return the signature line for a checkpoint; see `gateway.audit.witness.Witness`."""
        lines = [f"old {first}", *(base64.b64encode(one).decode() for one in proof)]
        text = "\n".join(lines) + "\n\n" + note
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        most = 4 * MOST_LINE_CHARS
        status, body = await _post(self._url, text.encode(), headers, most)
        answer = body.decode("utf-8", "replace")
        if status == _CONFLICT:
            size = answer.strip()
            if len(size) > _MOST_SIZE_BYTES or not (size.isascii() and size.isdigit()):
                raise WireError(f"{self._url}: a conflict without a size")
            raise BehindError(self.key.name, int(size))
        if status != _OK:
            raise PeerError(f"{self._url}: HTTP {status}")
        own = [line for line in answer.split("\n") if line.startswith(f"\u2014 {self.key.name} ")]
        if not own:
            raise WireError(f"{self._url}: no cosignature of {self.key.name}")
        return own[0]


async def _post(url: str, body: bytes, headers: dict[str, str], most: int) -> tuple[int, bytes]:
    """Return status and body of an answer; PeerError if none comes, or one that is too long."""
    try:
        async with (
            asyncio.timeout(ANSWER_S),
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            answer = bytearray()
            async for chunk in response.content.iter_chunked(16 << 10):
                answer += chunk
                if len(answer) > most:
                    raise WireError(f"{url}: an answer of more than {most} bytes")
            return response.status, bytes(answer)
    except TimeoutError as error:
        raise PeerError(f"{url}: no answer within {ANSWER_S:.0f} s") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise PeerError(f"{url}: {type(error).__name__}: {error}") from error
