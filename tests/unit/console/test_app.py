# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""The OpenAPI document and the one page."""

import re
import warnings
from html.parser import HTMLParser

import pytest

from gateway.console.app import STATIC, build_app, build_control_app

METHODS = {"get", "post", "patch", "delete", "options", "put", "head"}

CONTRACT = {
    "/api/session": {"get", "post", "delete"},
    "/api/totp": {"post"},
    "/api/totp/confirm": {"post"},
    "/api/oidc/login": {"get"},
    "/api/oidc/callback": {"get"},
    "/api/tokens": {"post"},
    "/api/cameras": {"get"},
    "/api/cameras/nearest": {"get"},
    "/api/cameras/{camera}/why": {"get"},
    "/api/shift": {"get", "post", "delete"},
    "/api/looks/{session}/confirm": {"post"},
    "/api/second": {"post"},
    "/api/second/{code}": {"get", "post"},
    "/api/devices": {"get"},
    "/api/alarms": {"get"},
    "/api/alarms/events": {"get"},
    "/api/alarms/times": {"get"},
    "/api/rules/feedback": {"get"},
    "/api/alarms/{alarm_id}": {"get"},
    "/api/alarms/{alarm_id}/close": {"post"},
    "/api/alarms/{alarm_id}/take": {"post"},
    "/api/alarms/{alarm_id}/still.jpg": {"get"},
    "/api/alarms/{alarm_id}/before.mp4": {"get"},
    "/api/holdup/{holdup_id}": {"post"},
    "/api/ledger": {"get"},
    "/api/ledger/verify": {"post"},
    "/api/ledger/checkpoint": {"get"},
    "/api/machine/whoami": {"get"},
    "/walls": {"post"},
    "/walls/{session}": {"get", "patch", "delete"},
    "/walls/{session}/tiles/{mid}": {"put", "delete"},
    "/whep/{camera}": {"post", "options"},
    "/whep/{camera}/{session}": {"get", "patch", "delete", "options"},
    "/api/lines": {"get"},
    "/api/lines/invitations": {"post"},
    "/api/lines/{edge}": {"delete"},
    "/api/mine": {"get"},
    "/api/mine/pause": {"post"},
    "/api/mine/pause/{pause_id}": {"delete"},
    "/api/mine/alerts/{alert}": {"post"},
    "/api/acts": {"get"},
    "/api/acts/{act}/extensions": {"post"},
    "/api/held": {"get"},
    "/api/held/{held_id}/approve": {"post"},
    "/api/held/{held_id}/reject": {"post"},
    "/api/ledger/export": {"post"},
    "/api/retention": {"get"},
    "/api/holds": {"post"},
    "/api/holds/{hold_id}": {"delete"},
    "/api/hotlists": {"get"},
    "/api/hotlists/entries": {"post"},
    "/api/hotlists/entries/{entry}/approve": {"post"},
    "/api/hotlists/entries/{entry}/open": {"post"},
    "/api/hotlists/entries/{entry}/reject": {"post"},
    "/api/hotlists/entries/{entry}/remove": {"post"},
    "/api/hotlists/imports": {"post"},
    "/api/hotlists/lookup": {"post"},
    "/api/plates/counts": {"get"},
    "/api/plates/hits": {"get"},
    "/api/plates/hits/{hit_id}": {"get"},
    "/api/plates/hits/{hit_id}/decision": {"post"},
    "/api/reports": {"get", "post"},
    "/api/reports/register": {"post"},
    "/api/reports/{report_id}": {"get"},
    "/api/reports/{report_id}/ack": {"post"},
    "/api/reports/{report_id}/answers": {"post"},
    "/api/reports/{report_id}/close": {"post"},
    "/api/reports/{report_id}/route": {"post"},
    "/api/incidents": {"get", "post"},
    "/api/incidents/{incident_id}": {"get", "patch"},
    "/api/incidents/{incident_id}/cameras": {"post"},
    "/api/incidents/{incident_id}/cameras/{camera}": {"delete"},
    "/api/incidents/{incident_id}/alarms": {"post"},
    "/api/incidents/{incident_id}/alarms/{alarm}": {"delete"},
    "/api/incidents/{incident_id}/shares": {"post"},
    "/api/incidents/{incident_id}/shares/{organisation}": {"delete"},
    "/api/incidents/{incident_id}/take": {"post"},
    "/api/incidents/{incident_id}/hand-over": {"post"},
    "/api/incidents/{incident_id}/close": {"post"},
    "/api/incidents/{incident_id}/messages": {"post"},
    "/api/incidents/{incident_id}/receipts": {"post"},
    "/healthz": {"get"},
    "/metrics": {"get"},
}


@pytest.fixture
def document(town):
    """Return the OpenAPI document."""
    return build_app(town.services()).openapi()


def test_openapi_is_31_and_names_exactly_the_agreed_routes(document):
    """The document is OpenAPI 3.1 and lists the agreed paths and methods, no others."""
    assert document["openapi"].startswith("3.1.")
    assert document["info"]["license"]["identifier"] == "EUPL-1.2"
    listed = {path: set(item) & METHODS for path, item in document["paths"].items()}
    assert listed == CONTRACT


def test_every_reference_of_the_document_leads_somewhere(document):
    """Each $ref resolves, each operation has one name, a summary and described answers."""
    names = set()

    def walk(node):
        if isinstance(node, dict):
            reference = node.get("$ref")
            if reference is not None:
                target = document
                for part in reference.removeprefix("#/").split("/"):
                    target = target[part]
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)
    for path, item in document["paths"].items():
        for method in METHODS & set(item):
            operation = item[method]
            assert operation["operationId"] not in names
            names.add(operation["operationId"])
            assert operation["description"]
            declared = {
                one["name"] for one in operation.get("parameters", []) if one["in"] == "path"
            }
            assert declared == set(re.findall(r"{(\w+)}", path)) or method == "options"
            for status, answer in operation["responses"].items():
                assert re.fullmatch(r"[1-5]\d\d", status)
                assert answer["description"]


def test_refusals_are_documented_as_problems(document):
    """Each 4xx and 503 of the looking routes is application/problem+json."""
    responses = document["paths"]["/whep/{camera}"]["post"]["responses"]
    for status in ("400", "401", "403", "404", "406", "413", "415", "503"):
        assert set(responses[status]["content"]) == {"application/problem+json"}
    assert set(responses["201"]["content"]) == {"application/sdp"}


class Page(HTMLParser):
    """Collects what a strict CSP would block or a reader would miss."""

    def __init__(self):
        super().__init__()
        self.inline = []
        self.sources = []
        self.language = ""
        self._tag = ""

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self._tag = tag
        if tag == "html":
            self.language = given.get("lang", "")
        self.inline += [name for name in given if name.startswith("on") or name == "style"]
        self.sources += [given[name] for name in ("src", "href") if name in given]

    def handle_data(self, data):
        if self._tag in {"script", "style"} and data.strip():
            self.inline.append(data)


async def test_the_page_has_no_inline_code_and_loads_only_ours(site):
    """index.html: Italian, no inline script or style, every reference ours and present."""
    async with site.anonymous() as client:
        answer = await client.get("/")
        page = Page()
        page.feed(answer.text)
        assert page.inline == []
        assert page.language == "it"
        for source in page.sources:
            if source.startswith("#"):
                continue
            assert source.startswith("/static/")
            assert (await client.get(source)).status_code == 200
    assert answer.headers["cache-control"] == "no-cache"


def test_scripts_never_build_markup_from_text():
    """No innerHTML, eval or inline style in any script; no address outside."""
    for file in STATIC.rglob("*.js"):
        text = file.read_text()
        for banned in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "eval(",
            "document.write",
            ".style.",
        ):
            assert banned not in text, f"{file.name}: {banned}"
        outside = set(re.findall(r"https?://[^\"'`\s)]+", text))
        assert outside <= {"http://www.w3.org/2000/svg"}, file.name


async def test_scripts_have_a_javascript_type_and_an_etag(site):
    """Modules are served as JavaScript, and asked again they are 304."""
    async with site.anonymous() as client:
        first = await client.get("/static/main.js")
        again = await client.get(
            "/static/main.js", headers={"If-None-Match": first.headers["etag"]}
        )
        outside = await client.get("/static/../app.py")
    assert first.headers["content-type"].startswith("text/javascript")
    assert again.status_code == 304
    assert outside.status_code == 404


@pytest.mark.parametrize("build", [build_app, build_control_app])
def test_every_operation_has_a_name_of_its_own(town, build):
    """Generated clients would lose one of two, and the box warns at each start."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paths = build(town.services()).openapi()["paths"]
    named = [one["operationId"] for methods in paths.values() for one in methods.values()]
    assert len(named) == len(set(named))
