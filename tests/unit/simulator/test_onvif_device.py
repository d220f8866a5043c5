# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The strict device: what it answers, and what it refuses."""

import base64
import hashlib
import secrets
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
from lxml import etree

from gateway.simulator import onvif_device
from gateway.simulator.onvif_device import (
    ADDRESSING,
    DEVICE,
    ENVELOPE,
    MEDIA,
    Authentication,
    DeviceOptions,
)
from tests.onvif_parts import PASSWORD, USER, strict_device

INFORMATION = f'<GetDeviceInformation xmlns="{DEVICE}"/>'


def made(body, header=""):
    parts = f"<s:Header>{header}</s:Header><s:Body>{body}</s:Body>"
    return f'<s:Envelope xmlns:s="{ENVELOPE}">{parts}</s:Envelope>'


async def post(url, text, content_type="application/soap+xml"):
    """Return status, headers and root element (None if the answer is no XML)."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=text, headers={"Content-Type": content_type}) as response,
    ):
        body = await response.read()
        return (
            response.status,
            response.headers,
            etree.fromstring(body) if body[:1] == b"<" else None,
        )


def subcodes(root):
    return [one.text for one in root.iter(f"{{{ENVELOPE}}}Value")][1:]


def token(*, at=None, nonce=None, password=PASSWORD, kind="PasswordDigest", user=USER):
    """Write a UsernameToken by hand."""
    nonce = nonce or secrets.token_bytes(16)
    created = (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = hashlib.sha1(nonce + created.encode() + password.encode()).digest()
    shown = base64.b64encode(digest).decode() if kind == "PasswordDigest" else password
    prefix = onvif_device.PASSWORD_DIGEST.rpartition("#")[0]
    return (
        f'<w:Security xmlns:w="{onvif_device.SECURITY}" xmlns:u="{onvif_device.UTILITY}" '
        f'xmlns:s="{ENVELOPE}" s:mustUnderstand="1"><w:UsernameToken>'
        f"<w:Username>{user}</w:Username>"
        f'<w:Password Type="{prefix}#{kind}">{shown}</w:Password><w:Nonce>'
        f"{base64.b64encode(nonce).decode()}</w:Nonce><u:Created>{created}</u:Created>"
        "</w:UsernameToken></w:Security>"
    )


async def test_a_right_token_is_let_in_once():
    """A token is good for one request: its nonce is remembered."""
    async with strict_device() as (_, _, url):
        text = made(INFORMATION, token())
        status, _, root = await post(url, text)
        assert status == 200
        assert root.findtext(f".//{{{DEVICE}}}Model") == "Strict"
        status, _, root = await post(url, text)
        assert status == 400
        assert subcodes(root) == ["ter:NotAuthorized"]


@pytest.mark.parametrize(
    "parts",
    [
        {"password": "wrong"},
        {"user": "nobody"},
        {"kind": "PasswordText"},
        {"minutes": -5},
        {"minutes": 5},
    ],
)
async def test_wrong_old_and_plain_tokens_are_refused(parts):
    """A wrong digest, a strange Created and a password in clear are all NotAuthorized."""
    if "minutes" in parts:
        parts = {"at": datetime.now(UTC) + timedelta(**parts)}
    async with strict_device() as (_, _, url):
        status, _, root = await post(url, made(INFORMATION, token(**parts)))
    assert (status, subcodes(root)) == (400, ["ter:NotAuthorized"])


async def test_created_is_held_against_the_devices_own_clock():
    """A device that is an hour slow wants tokens that are an hour slow."""
    options = DeviceOptions(users={USER: PASSWORD}, clock_offset_s=-3600)
    async with strict_device(options) as (_, _, url):
        hour = datetime.now(UTC) - timedelta(hours=1)
        assert (await post(url, made(INFORMATION, token())))[0] == 400
        assert (await post(url, made(INFORMATION, token(at=hour))))[0] == 200


async def test_without_proof_http_digest_is_asked_for():
    """401 offers SHA-256 before MD5; pre-auth operations need nothing (Core §5.9.4)."""
    async with strict_device() as (_, _, url):
        status, headers, _ = await post(url, made(INFORMATION))
        assert status == 401
        offers = headers.getall("WWW-Authenticate")
        assert ["SHA-256" in offers[0], "MD5" in offers[1]] == [True, True]
        text = made(f'<GetSystemDateAndTime xmlns="{DEVICE}"/>')
        assert (await post(url, text))[0] == 200


@pytest.mark.parametrize(
    ("text", "subcode"),
    [
        ("no xml", "ter:WellFormed"),
        ("<a/>", "ter:TagMismatch"),
        (made(""), "ter:Tag"),
        (made(INFORMATION * 2), "ter:Tag"),
        (made(f'<Nonsense xmlns="{DEVICE}"/>'), "ter:ActionNotSupported"),
        (made(f'<GetServices xmlns="{DEVICE}"/>'), "ter:InvalidArgs"),
        (made(f'<GetProfiles xmlns="{MEDIA}"/>'), "ter:UnknownAction"),
        (
            made(INFORMATION, f'<x xmlns="urn:x" xmlns:s="{ENVELOPE}" s:mustUnderstand="1"/>'),
            "ter:Namespace",
        ),
        (f"<!DOCTYPE x []>{made(INFORMATION)}", "ter:WellFormed"),
    ],
)
async def test_what_the_specification_forbids_is_a_fault(text, subcode):
    """Each kind of bad request has its own subcode."""
    options = DeviceOptions(authentication=Authentication.NONE)
    async with strict_device(options) as (_, _, url):
        status, _, root = await post(url, text)
    assert (status, subcodes(root)) == (400, [subcode])


async def test_paths_types_and_sizes_are_held():
    """Another content type, an unknown path and a body beyond the bound are refused by HTTP."""
    async with strict_device(DeviceOptions(authentication=Authentication.NONE)) as (_, _, url):
        assert (await post(url, made(INFORMATION), "text/xml"))[0] == 415
        assert (await post(url + "x", made(INFORMATION)))[0] == 404
        big = made("<a>" + "x" * onvif_device.MOST_BODY_BYTES + "</a>")
        assert (await post(url, big))[0] == 413


async def test_addressing_headers_are_answered():
    """A request with WS-Addressing gets its reply related to it."""
    header = f'<a:Action xmlns:a="{ADDRESSING}">urn:doRequest</a:Action>'
    header += f'<a:MessageID xmlns:a="{ADDRESSING}">urn:1</a:MessageID>'
    async with strict_device(DeviceOptions(authentication=Authentication.NONE)) as (_, _, url):
        _, _, root = await post(url, made(INFORMATION, header))
    assert root.findtext(f".//{{{ADDRESSING}}}Action") == "urn:doResponse"
    assert root.findtext(f".//{{{ADDRESSING}}}RelatesTo") == "urn:1"


async def test_snapshots_need_digest():
    """A picture is served under digest only, and only where one was put."""
    async with strict_device() as (_, _, url), aiohttp.ClientSession() as session:
        base = url.partition("/onvif")[0]
        async with session.get(f"{base}/snapshot/main") as response:
            assert response.status == 401
        async with session.get(f"{base}/elsewhere") as response:
            assert response.status == 404


async def test_nat_and_scopes_follow_the_options():
    """The advertised address is in every XAddr, the name in the scopes."""
    options = DeviceOptions(
        authentication=Authentication.NONE, advertised="192.168.0.9:88", name="cortile"
    )
    async with strict_device(options) as (_, _, url):
        wish = "<IncludeCapability>false</IncludeCapability>"
        text = f'<GetServices xmlns="{DEVICE}">{wish}</GetServices>'
        _, _, root = await post(url, made(text))
        xaddrs = {one.text for one in root.iter(f"{{{DEVICE}}}XAddr")}
        assert all(one.startswith("http://192.168.0.9:88/onvif/") for one in xaddrs)
        _, _, root = await post(url, made(f'<GetScopes xmlns="{DEVICE}"/>'))
        assert any("name/cortile" in (one.text or "") for one in root.iter())
