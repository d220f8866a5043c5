# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Who comes to a room with certificates that are none, expired, or somebody else's."""

import contextlib
import socket
import ssl
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from benchmarks.lab.interconnection import ROOM_PORT
from benchmarks.lab.network import ROOM_ADDRESS
from gateway.room.authority import CA_FILE, CA_KEY
from gateway.wire.uplink import ALPN_LINE, Frame, FrameDecoder, encode

SOON_S = 15.0
CLIENT_AUTH = ExtendedKeyUsageOID.CLIENT_AUTH


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(
    folder, edge, *, ca=None, from_days=-1, until_days=1, use=CLIENT_AUTH, dns="edge.invalid"
):
    """Write certificate and key of an edge; `ca`: issuer's certificate and key, else of itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    issuer, signer = (ca[0].subject, ca[1]) if ca else (name(edge), key)
    made = (
        x509.CertificateBuilder()
        .subject_name(name(edge))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=from_days))
        .not_valid_after(now + timedelta(days=until_days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(dns)]), critical=False)
        .sign(signer, hashes.SHA256())
    )
    path = folder / f"{edge}-{made.serial_number:x}.pem"
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, *form)
    )
    return path


def authority(state):
    """Return the room's own authority: whoever stole its disk."""
    ca = x509.load_pem_x509_certificate((state / CA_FILE).read_bytes())
    key = serialization.load_pem_private_key((state / CA_KEY).read_bytes(), None)
    return ca, key


def greet(place, pem, edge, alpn=ALPN_LINE):
    """Dial the room with a certificate and say hello as `edge`.

    Return the answer's Frame; None if the room hangs up without a word.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([alpn])
    if pem is not None:
        context.load_cert_chain(pem)
    hello = {
        "v": 1, "edge": edge, "name": edge, "software": "varco/0", "origin": "", "vkey": "",
        "utc_us": 0, "exercise": False,
    }  # fmt: skip
    with place.inside():
        plain = socket.create_connection((ROOM_ADDRESS, ROOM_PORT), SOON_S)
    try:
        with contextlib.closing(plain), context.wrap_socket(plain) as sealed:
            sealed.sendall(encode(Frame("hello", hello, number=1)))
            return _answer(sealed)
    except (ssl.SSLError, ConnectionError):
        return None


def _answer(sealed):
    decoder = FrameDecoder()
    while data := sealed.recv(4096):
        for frame in decoder.receive(data):
            if frame.answers == 1:
                return frame
    return None
