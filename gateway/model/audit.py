# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""What the ledger is told. The ledger adds sequence, times, commitments and hashes."""

from dataclasses import dataclass
from enum import Enum

from gateway.model.access import Regime


class Operation(Enum):
    """Operations of D.Lgs 51/2018 art. 21."""

    COLLECTION = "raccolta"
    MODIFICATION = "modifica"
    CONSULTATION = "consultazione"
    COMMUNICATION = "comunicazione"
    TRANSFER = "trasferimento"
    INTERCONNECTION = "interconnessione"
    DELETION = "cancellazione"
    NONE = "nessuna"
    """Technical or administrative, no personal data touched."""


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """One thing that happened, in the words of D.2; never a plate, a picture or a secret.

    Fields marked *personal* are stored as salted commitments with their values aside, so that
    they can be erased while the log still verifies.
    """

    event: str
    """Code of D.3, for example `live.open`."""
    operation: Operation
    regime: Regime
    result: str = "ok"
    """`ok`, `denied` or `error`."""
    error: str = ""
    actor_id: str = ""
    """Personal."""
    actor_type: str = "service"
    """human, service or device."""
    org: str = ""
    role: str = ""
    auth_method: str = ""
    acr: str = ""
    session_id: str = ""
    src_ip: str = ""
    """Personal."""
    client_cert_fp: str = ""
    """Personal."""
    workstation: str = ""
    """Personal."""
    delegated_by: str = ""  # the second person where four eyes were needed
    """Personal."""
    object_type: str = ""
    object_id: str = ""
    controller: str = ""
    zone: str = ""
    camera: str = ""
    """Where the object is not a camera itself, but comes from one: an alarm."""
    media_from_utc_us: int = 0
    media_to_utc_us: int = 0
    purpose_code: str = ""
    legal_basis_id: str = ""
    case_ref: str = ""
    """Personal."""
    reason_text: str = ""
    """Personal."""
    recipient_org: str = ""
    recipient_id: str = ""
    channel: str = ""
    bytes: int = 0
    duration_ms: int = 0
    frames: int = 0
    policy_version: int = 0
    mask_version: int = 0
    flags: str = ""
    """Comma-separated, see `gateway.model.access.FLAGS`."""
    content_hash: str = ""
    count: int = 0
    """How many, where one entry stands for many: deletions, exports, rotations."""
    opens: bool = False
    """A later entry with `closes` = this one's sequence must follow, else a crash is recorded."""
    closes: int = -1
    """Sequence of the entry that this one ends; -1 if none."""


@dataclass(frozen=True, slots=True)
class LedgerReceipt:
    """Proof that an entry is on disk."""

    seq: int
    id: str
    utc_us: int


@dataclass(frozen=True, slots=True)
class LedgerQuery:
    """Which entries somebody wants to read; what is empty matches everything."""

    person: str = ""
    """Account that acted, or agreed as second person."""
    camera: str = ""
    case: str = ""
    event: str = ""
    """A code of D.3, or a family: `live.` with its dot."""
    from_utc_us: int = 0
    to_utc_us: int = 0
    """First microsecond that is not meant any more."""
    organisation: str = ""
    """Only entries about this controller, or by its people; empty for who may read all."""

    @property
    def is_whole(self) -> bool:
        """Return whether every entry is meant."""
        return self == LedgerQuery()


class ExportForm(Enum):
    """Forms in which entries leave (D.6)."""

    PACKAGE = "jsonl"
    """A zip that verifies without us."""
    TABLE = "csv"
    MONITORS = "ocsf"
    """Lines of JSON for security monitors; people are pseudonyms."""
    REPORT = "report"
    """A page in Italian for data protection officers."""
    ADMINISTRATORS = "admins"
    """The yearly check of administrators (B-06), as a page."""
