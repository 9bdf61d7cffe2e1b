"""What is read back: a context, as the clients of one name meet it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

from OpenSSL import SSL

from ..config.model import Policy
from ..errors import ServerError
from .certificates import Certificate
from .dhe import Parameters
from .loopback import Outcome, client_context, handshake
from .policy import VERSIONS


@dataclass
class Subject:
    """``context`` is the one that a client of ``name`` comes to, by way of ``door``, where every connection begins. ``handshakes`` counts
    those made so far."""

    context: SSL.Context
    policy: Policy
    certificates: Sequence[Certificate]
    door: SSL.Context
    name: str | None = None
    dhe: Parameters | None = None
    handshakes: int = 0

    @property
    def versions(self) -> list[str]:
        """From the lowest that the policy has to the highest."""
        order = list(VERSIONS)
        return order[order.index(self.policy.min_version) : order.index(self.policy.max_version) + 1]

    def try_client(self, what: str, **offer: object) -> Outcome:
        try:
            client = client_context(**offer)  # type: ignore[arg-type]
        except SSL.Error as error:
            raise ServerError("policy-refused", f"OpenSSL cannot offer {what} to check it") from error
        self.handshakes += 1
        return handshake(self.door, client, name=self.name)

    def accepts(self, what: str, **offer: object) -> Outcome:
        return self.completed(what, self.try_client(what, **offer))

    def completed(self, what: str, outcome: Outcome) -> Outcome:
        """The outcome of a handshake that must be one, with tickets after it exactly when the policy has them, and never for early data."""
        if outcome.error is not None:
            raise ServerError("policy-refused", f"the policy has {what}, OpenSSL does not accept it ({outcome.error})")
        if outcome.trailing and self.policy.tickets is None:
            raise ServerError("policy-refused", f"OpenSSL sends session tickets ({outcome.trailing} bytes) with {what} where none was asked for")
        if outcome.version == "TLSv1.3" and not outcome.trailing and self.policy.tickets is not None:
            raise ServerError("policy-refused", f"the policy has session tickets, OpenSSL sends none with {what}")
        if outcome.early_data:
            raise ServerError("policy-refused", f"OpenSSL invites {outcome.early_data} bytes of early data, which can be replayed")
        return outcome

    def refuses(self, what: str, **offer: object) -> None:
        outcome = self.try_client(what, **offer)
        if outcome.error is None:
            raise ServerError("policy-refused", f"the policy does not have {what}, OpenSSL accepts it ({outcome.version} {outcome.cipher} {outcome.group})")
