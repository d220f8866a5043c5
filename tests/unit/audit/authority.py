# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""A time-stamping authority on loopback: `openssl ts` behind HTTP, with roots of its own."""

import asyncio
import subprocess
from contextlib import asynccontextmanager

from aiohttp import web

CONFIG = """
[req]
distinguished_name = dn
prompt = no
[dn]
CN = {name}
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
[tsa]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[tsa_config]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
"""


def openssl(folder, *words):
    """Run openssl; its output is only of interest if it fails."""
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


def make(folder, name="Local TSA"):
    """Make roots and a stamping certificate; return the roots in PEM form."""
    folder.mkdir()
    (folder / "serial").write_text("01\n")
    (folder / "c.cnf").write_text(CONFIG.format(folder=folder, name=name))
    new = ("req", "-newkey", "rsa:2048", "-nodes", "-config", "c.cnf")
    openssl(
        folder, *new, "-x509", "-days", "30", "-extensions", "ca", "-keyout", "ca.key",
        "-subj", f"/CN={name} Root", "-out", "ca.pem",
    )  # fmt: skip
    openssl(folder, *new, "-keyout", "tsa.key", "-out", "tsa.csr")
    openssl(
        folder, "x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days",
        "30", "-CAcreateserial", "-extfile", "c.cnf", "-extensions", "tsa", "-out", "tsa.pem",
    )  # fmt: skip
    return (folder / "ca.pem").read_bytes()


def stamp(folder, query):
    """Answer a query as the authority does."""
    (folder / "q.tsq").write_bytes(query)
    openssl(
        folder, "ts", "-reply", "-config", "c.cnf", "-section", "tsa_config", "-queryfile",
        "q.tsq", "-out", "a.tsr",
    )  # fmt: skip
    return (folder / "a.tsr").read_bytes()


@asynccontextmanager
async def serving(answer):
    """Serve `answer(body) -> Response` on loopback; yield the address."""

    async def handle(request):
        return await answer(await request.read())

    app = web.Application()
    app.router.add_post("/{tail:.*}", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield f"http://127.0.0.1:{port}/tsr"
    finally:
        await runner.cleanup()


def stamping(folder):
    """The answer of a good authority."""

    async def answer(body):
        return web.Response(body=await asyncio.to_thread(stamp, folder, body))

    return answer
