"""Session tickets (RFC 8446, section 4.6.1; RFC 5077): sealed by keys that every worker has and no disk."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field

from OpenSSL import SSL

from ..config.model import Policy, Tickets
from ..errors import ServerError
from .libssl import LibSsl

#: Of OpenSSL's: a name of 16 bytes, and keys of 32 for HMAC-SHA-256 and AES-256.
KEY_BYTES = 80


@dataclass(frozen=True)
class TicketKeys:
    """What tickets are sealed with. Whoever has it can read every session that was resumed with such a ticket without a new key exchange."""

    secret: bytes = field(repr=False)

    @staticmethod
    def make() -> TicketKeys:
        return TicketKeys(os.urandom(KEY_BYTES))

    @staticmethod
    def from_hex(text: str) -> TicketKeys:
        """The reverse of ``hex``. Raises ServerError ``internal``, without the text."""
        try:
            secret = bytes.fromhex(text)
        except ValueError:
            secret = b""
        if len(secret) != KEY_BYTES:
            raise ServerError("internal", f"session ticket keys must be {KEY_BYTES} bytes in hexadecimal") from None
        return TicketKeys(secret)

    def hex(self) -> str:
        """For the channel to a worker, and nowhere else."""
        return self.secret.hex()


def seal(context: SSL.Context, policy: Policy, keys: TicketKeys, libssl: LibSsl) -> None:
    """A context's tickets resume on every context with the same keys and policy, until the keys are due to be replaced."""
    if policy.tickets is None:
        return
    libssl.set_ticket_keys(context, keys.secret)
    context.set_timeout(policy.tickets.rotate_seconds)
    # A session must not outlive what was allowed when it began.
    context.set_session_id(hashlib.sha256(repr(policy).encode()).digest())


def described(tickets: Tickets | None) -> str:
    """How sessions are resumed, for people."""
    return "off" if tickets is None else f"tickets, key rotated every {tickets.rotate_seconds} s"
