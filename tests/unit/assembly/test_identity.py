# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Identity providers out of the configuration; sign-outs that darken."""

from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.assembly.identity import SIGNED_OUT, Doors, providers
from gateway.config.load import parse
from gateway.model.errors import ConfigError
from tests.fakes import FakeClock

BOX = '[box]\nid = "nord"\nname = "Nord"\n[console]\npublic_url = "https://varco.example"\n'
OIDC = '[[oidc]]\nname = "comune"\nissuer = "https://id.example"\nclient_id = "varco"\n'


def made(tmp_path, text):
    options = parse(BOX + text, tmp_path / "gateway.toml")
    return providers(options, None, FakeClock(), "gateway.toml")


def test_none_configured_none_there(tmp_path):
    """Without a table there is no such sign-in."""
    assert made(tmp_path, "") is None


def test_a_provider_of_the_configuration(tmp_path, monkeypatch):
    """Its secret comes by reference, its address to return to is ours; nothing is asked yet."""
    monkeypatch.setenv("S", "s3cret")
    oidc = made(tmp_path, OIDC + 'client_secret = "env:S"\nacr = ["L2"]\n')
    assert oidc.names == [("comune", "comune")]
    client = oidc._providers["comune"].client
    assert client.redirect_uri == "https://varco.example/api/oidc/callback"
    assert (client.secret, client.acr) == ("s3cret", ("L2",))
    assert "s3cret" not in repr(client)


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('client_secret = "env:NOT_THERE"\n', "oidc[comune].client_secret"),
        ('private_key = "env:PEM"\n', "oidc[comune].private_key"),
        ('ca = "nowhere.pem"\n', "oidc[comune].ca"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, monkeypatch, line, key):
    """A missing secret, a key of another kind, an authority that is no file."""
    odd = ed25519.Ed25519PrivateKey.generate()
    text = odd.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    monkeypatch.setenv("PEM", text.decode())
    with pytest.raises(ConfigError) as caught:
        made(tmp_path, OIDC + line)
    assert caught.value.key == key


async def test_signing_out_ends_only_the_looks_of_that_sign_in():
    """Also those that a short token of it has begun: they carry the same session."""
    closed, out = [], []

    def look(name, session):
        actor = SimpleNamespace(session=session)
        grant = SimpleNamespace(request=SimpleNamespace(actor=actor))
        return SimpleNamespace(session=name, grant=grant)

    class Viewing:
        def sessions(self):
            return [look("w1", "s1"), look("w2", "s2"), look("w3", "s1")]

        async def close(self, session, reason):
            closed.append((session, reason))

        async def leave_walls(self, sign_in, reason):
            closed.append((f"walls of {sign_in}", reason))

    async def sign_out(token):
        out.append(token)

    names = ("sign_in", "seen", "by_certificate", "enrol", "confirm", "resolve")
    accounts = SimpleNamespace(
        **dict.fromkeys(names),
        resolve_enrolling=lambda token: SimpleNamespace(session="s1") if token == "t" else None,
        sign_out=sign_out,
    )
    doors = Doors(accounts, Viewing())
    await doors.sign_out("unknown")
    assert closed == []
    await doors.sign_out("t")
    assert closed == [(one, SIGNED_OUT) for one in ("w1", "w3", "walls of s1")]
    assert out == ["unknown", "t"]
