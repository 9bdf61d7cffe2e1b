"""A configuration that has been checked as far as it can be without serving it, and in the form in which workers get it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime

from ..config.model import Config
from ..config.sealed import Sealed, seal, unseal
from ..config.sources import Material
from ..lockdown.confinement import Confinement, Free, of
from ..ocsp import leaf
from ..ocsp.leaf import Leaf
from ..tls.context import Credentials, build
from ..tls.libssl import LibSsl
from ..web.applications import check_folder


@dataclass(frozen=True)
class Prepared:
    config: Config
    credentials: Credentials
    sealed: Sealed
    checked: datetime
    #: What its workers are left.
    confinement: Confinement | Free
    #: Its certificates as stapling sees them.
    leaves: tuple[Leaf, ...]

    @property
    def count(self) -> int:
        """How many workers it asks for."""
        return self.config.workers or _processors()


def prepare(material: Material, libssl: LibSsl, now: datetime) -> Prepared:
    """Reads everything once and makes handshakes with it in memory. Blocking; raises ServerError."""
    sealed = seal(material)
    credentials = build(material.config, libssl, now, unseal(sealed).read)
    check_folder(material.config.app)
    leaves = tuple(leaf.of(each.leaf, each.issuer, where=str(each.paths.chain), mode=material.config.ocsp) for each in credentials.certificates)
    return Prepared(material.config, credentials, sealed, now, of(material.config), leaves)


def _processors() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
