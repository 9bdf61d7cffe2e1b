"""Session tickets (RFC 8446, section 4.6.1; RFC 5077): sealed by keys that every worker has and no disk."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field

from OpenSSL import SSL

from ..config.model import Policy, Tickets
from ..errors import ServerError
from .libssl import LibSsl
from .sealing import KEY_BYTES


@dataclass(frozen=True)
class TicketKeys:
    """What tickets are sealed and opened with, and what those of the last period were. Whoever has it can read every session that was
    resumed with such a ticket without a new key exchange. Never changed: a rotation makes another."""

    current: bytes = field(repr=False)
    previous: bytes | None = field(default=None, repr=False)

    @staticmethod
    def make() -> TicketKeys:
        return TicketKeys(os.urandom(KEY_BYTES))

    def rotated(self) -> TicketKeys:
        """A fresh key. Tickets of the current one still open; those of the previous one do not."""
        return TicketKeys(os.urandom(KEY_BYTES), self.current)

    @staticmethod
    def from_hex(text: str) -> TicketKeys:
        """The reverse of ``hex``. Raises ServerError ``internal``, without the text."""
        try:
            secret = bytes.fromhex(text)
        except ValueError:
            secret = b""
        if len(secret) not in (KEY_BYTES, 2 * KEY_BYTES):
            raise ServerError("internal", f"session ticket keys must be one or two times {KEY_BYTES} bytes in hexadecimal") from None
        return TicketKeys(secret[:KEY_BYTES], secret[KEY_BYTES:] or None)

    def hex(self) -> str:
        """For the channel to a worker, and nowhere else."""
        return (self.current + (self.previous or b"")).hex()


def seal(context: SSL.Context, policy: Policy, keys: TicketKeys, libssl: LibSsl) -> None:
    """A context's tickets resume on every context with the same policy and the same keys, or those of the next rotation: a ticket is good
    for as long as a key seals, so each lives its time out."""
    if policy.tickets is None:
        return
    libssl.set_ticket_keys(context, [keys.current, *([] if keys.previous is None else [keys.previous])])
    context.set_timeout(policy.tickets.rotate_seconds)
    # A session must not outlive what was allowed when it began.
    context.set_session_id(hashlib.sha256(repr(policy).encode()).digest())


def described(tickets: Tickets | None) -> str:
    """How sessions are resumed, for people."""
    return "off" if tickets is None else f"tickets, key rotated every {tickets.rotate_seconds} s"
