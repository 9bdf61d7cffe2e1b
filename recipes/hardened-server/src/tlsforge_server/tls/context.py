"""Contexts as one value: policy and certificates applied, and read back. Never changed after it is made; a reload makes a new one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Sequence

from OpenSSL import SSL

from . import certificates
from . import dhe
from . import policy
from . import sni
from .certificates import Certificate
from ..config.model import Config
from ..config.reading import Read, from_disk
from ..errors import ServerError
from .identities import Identity, identities, uncovered
from .libssl import LibSsl
from .readback import check_strangers, read_back
from .resumption import check_none, check_tickets
from .staple import Staples, may_staple
from .subject import Subject
from .tickets import TicketKeys, seal


@dataclass(frozen=True)
class Credentials:
    """What connections are made from, and what is known to be in force in it. ``context`` goes over to those of ``identities`` by the name
    that a client asks for. For people: ``notes`` say what was put right, ``unanswered`` are the site's names that no certificate is for."""

    context: SSL.Context
    certificates: tuple[Certificate, ...]
    identities: tuple[Identity, ...]
    in_force: dict[str, object]
    notes: tuple[str, ...]
    unanswered: tuple[str, ...]


def build(
    config: Config,
    libssl: LibSsl,
    now: datetime,
    read: Read = from_disk,
    *,
    tickets: TicketKeys | None = None,
    staples: Staples | None = None,
    check: bool = True,
) -> Credentials:
    """``tickets`` are the keys that other processes have too; without them it makes its own. ``staples`` are served as they come. Without
    ``check`` nothing is tried in handshakes and ``in_force`` is empty: for a process whose parent has built the same. Raises ServerError
    when a certificate is not right or OpenSSL does not do what the policy says."""
    loaded = certificates.load_all(config.certificates, now, read, validate=check)
    found = identities(loaded)
    if config.sni == "strict" and not found[0].hosts:
        raise ServerError("certificate-refused", f"{loaded[0].paths.chain} names addresses only, and with strict names nobody can ask for it")
    maker = _Maker(config, libssl, None if config.policy.dhe is None else dhe.parameters(config.policy.dhe, loaded, read), staples)
    keys = tickets or TicketKeys.make()
    try:
        contexts = [maker.context(identity, keys) for identity in found]
        if len(contexts) > 1 or config.sni == "strict":
            by_name = {host: context for identity, context in zip(found, contexts, strict=True) for host in identity.hosts}
            sni.choose_by_name(contexts[0], by_name, strict=config.sni == "strict")
        in_force = _check(maker, found, contexts, keys) if check else {}
    except MemoryError as error:
        raise ServerError(
            "policy-refused",
            "no callback can be made: this process may not have writable and executable memory, and its cffi needs it",
            "build cffi and libffi for it, or start without MemoryDenyWriteExecute",
        ) from error
    return Credentials(contexts[0], loaded, found, in_force, _notes(loaded), _unanswered(config, loaded))


@dataclass(frozen=True)
class _Maker:
    """What all contexts have in common."""

    config: Config
    libssl: LibSsl
    dhe: dhe.Parameters | None
    staples: Staples | None

    def context(self, identity: Identity, keys: TicketKeys) -> SSL.Context:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        policy.apply(context, self.config.policy, self.libssl)
        seal(context, self.config.policy, keys, self.libssl)
        if self.dhe is not None:
            self.dhe.use_in(context)
        for certificate in identity.certificates:
            certificate.use_in(context)
        if self.staples is not None and any(may_staple(certificate.leaf) for certificate in identity.certificates):
            self.staples.serve(context)
        return context


def _check(maker: _Maker, found: Sequence[Identity], contexts: Sequence[SSL.Context], keys: TicketKeys) -> dict[str, object]:
    """Reads every context back by the way that clients take to it, and how sessions are resumed."""
    applied, strict = maker.config.policy, maker.config.sni == "strict"
    subjects = [
        Subject(context, applied, identity.certificates, door=contexts[0], name=_asked(identity, by_name=len(contexts) > 1 or strict), dhe=maker.dhe)
        for identity, context in zip(found, contexts, strict=True)
    ]
    in_force = [read_back(subject) for subject in subjects][0]
    check_strangers(subjects[0], strict=strict)
    if applied.tickets is None:
        check_none(subjects[0])
    else:
        twin, rotated, stranger = (maker.context(found[0], each) for each in (keys, keys.rotated(), TicketKeys.make()))
        check_tickets(subjects[0], (twin, rotated), stranger)
    return {**in_force, "sni": maker.config.sni, "handshakes": sum(subject.handshakes for subject in subjects)}


def _asked(identity: Identity, *, by_name: bool) -> str | None:
    """A name that leads to an identity."""
    return identity.hosts[0].replace("*", "tlsforge-check") if by_name and identity.hosts else None


def _notes(loaded: Sequence[Certificate]) -> tuple[str, ...]:
    return tuple(f"{certificate.paths.chain}: {note}" for certificate in loaded for note in certificate.notes)


def _unanswered(config: Config, loaded: Sequence[Certificate]) -> tuple[str, ...]:
    # What a site without a name is called has a certificate of our own authority only.
    return tuple(name for name in uncovered(config.names, loaded) if name != "localhost")
