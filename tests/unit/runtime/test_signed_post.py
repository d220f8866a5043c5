# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A signed POST goes where it was meant to, proves who sent it, and nowhere else."""

from dataclasses import replace

import pytest

from gateway.model.errors import PeerError
from gateway.runtime.signed_post import StatusError, is_public, post, signature
from tests.certificates import Certificate
from tests.unit.room.test_webhooks import hook, serving


async def test_no_redirect_is_followed(tmp_path):
    """What is elsewhere gets nothing."""
    async with serving() as (first, port), serving() as (second, other):
        first.elsewhere = f"http://127.0.0.1:{other}/"
        for status in (301, 302, 307, 308):
            first.answers = [status]
            with pytest.raises(PeerError, match=str(status)):
                await post(hook(port), "id", b"{}", 1)
        assert second.got == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "10.1.2.3", "192.168.0.9", "169.254.169.254",
             "[fd00::1]", "[::ffff:127.0.0.1]", "0.0.0.0"]
)  # fmt: skip
async def test_private_addresses_are_refused(host):
    """Neither written down nor behind a name, unless the configuration says so."""
    async with serving() as (receiver, port):
        one = hook(port, private=False, url=f"https://{host}:{port}/")
        with pytest.raises(PeerError, match=r"public address|ClientConnector"):
            await post(one, "id", b"{}", 1)
        assert receiver.got == []


@pytest.mark.parametrize("host", ["\u246027.0.0.1", "127\u30020\u30020\u30021", "\uff4cocalhost"])
async def test_digits_of_another_script_are_no_way_in(host):
    """The client would write them as ours after the check: they are refused as they stand."""
    async with serving() as (receiver, port):
        one = hook(port, private=False, url=f"http://{host}:{port}/")
        with pytest.raises(PeerError, match="not in ASCII"):
            await post(one, "id", b"{}", 1)
        assert receiver.got == []


def test_public_is_what_is_nobodys_own():
    """The Internet, and nothing that leads back."""
    assert is_public("93.184.216.34")
    assert is_public("2606:2800:220:1::1")
    own = (
        "::ffff:10.0.0.1",
        "224.0.0.1",
        "100.64.0.1",
        "::",
        "x",
        "2002:0a00:0001::1",
        "fe80::1%lo",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::a00:1",
        "::127.0.0.1",
        "fec0::1",
    )
    assert not any(is_public(one) for one in own)


async def test_tls_is_verified(tmp_path):
    """A server whose authority we do not know gets nothing; one that we know does."""
    certificate = Certificate(tmp_path, "localhost")
    async with serving(certificate.server()) as (receiver, port):
        one = hook(port, url=f"https://localhost:{port}/")
        with pytest.raises(PeerError, match=r"[Cc]ertificate|SSL"):
            await post(one, "id", b"{}", 1)
        assert receiver.got == []
        await post(replace(one, ca=certificate.certificate_file), "id", b"{}", 1)
        assert len(receiver.got) == 1


def test_a_plain_secret_signs_too():
    """One that is not in the form whsec_BASE64 is taken as it is."""
    assert signature("abc", "1", 2, b"x") != signature("abd", "1", 2, b"x")
    assert signature("whsec_***", "1", 2, b"x").startswith("v1,")
    assert "abc" not in repr(replace(hook(1), secret="abc"))


async def test_a_refusal_tells_its_status():
    """Who posts decides by it what is tried again."""
    async with serving() as (receiver, port):
        receiver.answers = [410]
        with pytest.raises(StatusError, match="webhook centrale: status 410") as caught:
            await post(hook(port), "id", b"{}", 1)
        assert caught.value.status == 410
