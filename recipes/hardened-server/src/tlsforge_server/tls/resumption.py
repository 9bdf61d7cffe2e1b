"""Resumption, read back: sessions are taken up where the keys are the same, and nowhere else."""

from __future__ import annotations

from typing import Sequence

from OpenSSL import SSL

from ..errors import ServerError
from .loopback import Outcome, client_context, handshake
from .subject import Subject


def check_none(subject: Subject) -> None:
    """Raises ServerError ``policy-refused`` where a session can be resumed."""
    for version in subject.versions:
        if _again(subject, version, subject.door).resumed:
            raise ServerError("policy-refused", f"the policy has no session tickets, OpenSSL resumes in {version}")


def check_tickets(subject: Subject, sharing: Sequence[SSL.Context], stranger: SSL.Context) -> None:
    """``sharing`` are made with the same keys, as a worker's or after a reload, or with those of a rotation; ``stranger`` with others:
    there the handshake is a full one. Raises ServerError ``policy-refused``."""
    for version in subject.versions:
        for context, resumes in ((subject.door, True), *((each, True) for each in sharing), (stranger, False)):
            outcome = _again(subject, version, context)
            if outcome.resumed != resumes:
                does = "resumes with keys that it does not have" if outcome.resumed else "does not resume"
                raise ServerError("policy-refused", f"the policy has session tickets, OpenSSL {does} in {version}")


def _again(subject: Subject, version: str, context: SSL.Context) -> Outcome:
    """A client that has been to the subject comes to a context."""
    client = client_context(version=version)
    first = subject.completed(version, handshake(subject.door, client, name=subject.name))
    subject.handshakes += 2
    return subject.completed(f"{version} with a session", handshake(context, client, name=subject.name, session=first.session))
