# SPDX-FileCopyrightText: 2026 The Varco authors
# SPDX-License-Identifier: EUPL-1.2
"""Every error this program raises on purpose.

GatewayError
  PeerError          the other side is absent, slow or wrong: retried for ever with a growing wait
    WireError        its bytes break the protocol
    CredentialError  it refused our credentials: retried slowly, so that no account gets locked
    BusyError        it serves as many sessions as it can: asked again after a while
  ConfigError        a person must change a file or a request: names file and key, exit status 78
    ConfigErrors     everything wrong with one text, told at once
  StoreError         a database cannot be written
    DiskFullError    because the disk is full
    LedgerError      the ledger cannot be written: no picture leaves (fail closed)
  StateError         what is asked does not fit what there is now; `code` says why
  SecondFactorNeededError  a password was right, and the code of a second device is due
  InvariantError     our own bug: crash, the service manager restarts us
"""

from collections.abc import Sequence


class GatewayError(Exception):
    """Root; never raised itself."""


class PeerError(GatewayError):
    """The peer broke the protocol, is slow, or went away; the text names the peer."""

    retry_after_s: float = 0.0
    """Least wait before it is tried again, set by who raises it; 0: as the policy says."""


class WireError(PeerError):
    """Bytes that no valid peer sends; the text says where they stopped making sense."""


class CredentialError(PeerError):
    """The peer refused our credentials; the text never contains them."""


class DownError(PeerError):
    """The line to the peer does not stand: nothing was sent."""


class BusyError(PeerError):
    """The peer has no session left for us (RTSP 453, HTTP 503); others hold them."""


class RefusedError(PeerError):
    """The peer understood the question and says no."""

    def __init__(self, code: str, text: str = "") -> None:
        self.code = code
        """Short, for programs: `revoked`, `replayed`, `not-offered`."""
        self.text = text
        """One line for people."""
        super().__init__(f"{code}: {text}" if text else code)


class ConfigError(GatewayError):
    """A value that a person wrote cannot be used.

    `where` is a file, a database or a request; `key` the dotted path inside it; `advice` says
    what to write instead.
    """

    def __init__(self, where: str, key: str, problem: str, advice: str = "") -> None:
        self.where = where
        self.key = key
        self.problem = problem
        self.advice = advice
        place = f"{where}: {key}" if key else where
        super().__init__(f"{place}: {problem}" + (f" ({advice})" if advice else ""))
        self.problems: tuple[ConfigError, ...] = (self,)
        """Every problem by itself; here the only one."""


class ConfigErrors(ConfigError):  # noqa: N818 - it is several
    """Everything wrong with one text; its own text has one line for each problem."""

    def __init__(self, problems: Sequence[ConfigError]) -> None:
        first = problems[0]
        super().__init__(first.where, first.key, first.problem, first.advice)
        self.problems = tuple(problems)
        self.args = ("\n".join(str(problem) for problem in problems),)


class StoreError(GatewayError):
    """A database refused to take what must be durable; the text names the file."""


class DiskFullError(StoreError):
    """The disk has no room for what must be durable."""


class LedgerError(StoreError):
    """The ledger cannot be written or does not verify."""


class StateError(GatewayError):
    """What is asked for does not fit what there is now; nothing was changed."""

    def __init__(self, code: str, text: str = "") -> None:
        self.code = code
        """Short, for programs: `closed`, `not-yours`."""
        super().__init__(f"{code}: {text}" if text else code)


class SecondFactorNeededError(GatewayError):
    """The password is right; without the code of the second device nobody is signed in."""


class InvariantError(GatewayError):
    """Something we promised ourselves is false."""
