# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Values about ONVIF devices."""

from gateway.ingest.onvif import OnvifClient
from gateway.ingest.onvif_model import OnvifDevice, OnvifFaultError, OnvifTarget


def test_a_target_never_shows_its_password():
    """Logs and tracebacks print targets: the password is not among what they print."""
    assert "geheim" not in repr(OnvifTarget("cam", "http://cam", "admin", "geheim"))


def test_the_client_offers_what_the_protocol_promises():
    """Whoever fakes the protocol in a test fakes all that the client has."""
    promised = {name for name in vars(OnvifDevice) if not name.startswith("_")}
    assert promised <= set(dir(OnvifClient))


def test_a_fault_keeps_its_subcodes():
    """Callers decide by subcode, people by text."""
    fault = OnvifFaultError("no", ("InvalidArgVal", "NoProfile"))
    assert str(fault) == "no"
    assert fault.subcodes[-1] == "NoProfile"
