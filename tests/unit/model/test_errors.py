# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
from gateway.model.errors import (
    ConfigError,
    CredentialError,
    LedgerError,
    PeerError,
    StoreError,
    WireError,
)


def test_a_configuration_error_says_where_and_what_to_write():
    """One line: file, key, problem, advice."""
    error = ConfigError("gateway.toml", "media.port", "70000 is not a port", "write 1..65535")
    assert str(error) == "gateway.toml: media.port: 70000 is not a port (write 1..65535)"


def test_bytes_and_credentials_of_a_peer_are_the_peers_errors():
    """The supervisor retries them all; a ledger error is a store error that fails closed."""
    assert issubclass(WireError, PeerError)
    assert issubclass(CredentialError, PeerError)
    assert issubclass(LedgerError, StoreError)
