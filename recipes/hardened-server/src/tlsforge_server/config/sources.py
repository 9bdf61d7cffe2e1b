"""Where the configuration and the certificates come from: files, a document on standard input or over the control socket, or a
folder of credentials that a service manager has made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Protocol, cast

from . import parse as configuration
from .model import Config
from .reading import Read, from_disk
from ..errors import ServerError

#: The longest document that is taken.
BUNDLE_LIMIT = 4 << 20


@dataclass(frozen=True)
class Material:
    """A configuration, and how the paths in it are read."""

    config: Config
    read: Read
    #: The document that the configuration was parsed from.
    raw: bytes


class Source(Protocol):
    """Gives the configuration as it is now. Raises ServerError."""

    def load(self) -> Material: ...


@dataclass(frozen=True)
class FileSource:
    path: Path

    def load(self) -> Material:
        raw = configuration.read(self.path)
        return Material(configuration.parse(raw, str(self.path)), from_disk, raw)


@dataclass(frozen=True)
class CredentialsSource:
    """``server.json``, the pairs by their place in it: ``certificate-0.pem``, ``certificate-0.key``, …, and ``dh.pem``."""

    folder: Path

    def load(self) -> Material:
        path = self.folder / "server.json"
        raw = configuration.read(path)
        config = configuration.parse(raw, str(path))
        files: dict[Path, Path] = {}
        for index, pair in enumerate(config.certificates):
            files[pair.chain] = self.folder / f"certificate-{index}.pem"
            files[pair.key] = self.folder / f"certificate-{index}.key"
        if config.policy.dhe is not None and config.policy.dhe.parameters is not None:
            files[config.policy.dhe.parameters] = self.folder / "dh.pem"

        def read(path: Path, *, secret: bool) -> bytes:  # noqa: ARG001 - whoever made the folder has set its modes
            return from_disk(files[path], secret=False)

        return Material(config, read, raw)


class BundleSource:
    """One document that holds everything. It was handed over once: there is nothing to read again."""

    def __init__(self, document: object) -> None:
        self._material: Material | None = bundled(document)

    def load(self) -> Material:
        if self._material is None:
            raise ServerError("reload-refused", "this server was started from a bundle and has no files to read again", "send a bundle with the reload")
        material, self._material = self._material, None
        return material


def parse_bundle(raw: bytes) -> BundleSource:
    """The source in JSON bytes."""
    if len(raw) > BUNDLE_LIMIT:
        raise ServerError("config-invalid", f"the bundle is longer than {BUNDLE_LIMIT} bytes")
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ServerError("config-invalid", f"the bundle is not valid JSON: {error}") from error
    return BundleSource(document)


def bundled(document: object) -> Material:
    """What ``{"config": text, "files": {path: text}}`` holds. A path that ``files`` lacks is refused at once."""
    config_text, files = _parts(document)
    raw = config_text.encode("utf-8", "surrogatepass")
    config = configuration.parse(raw, "the bundle's config")
    parameters = None if config.policy.dhe is None else config.policy.dhe.parameters
    for path in (*(each for pair in config.certificates for each in (pair.chain, pair.key)), *([] if parameters is None else [parameters])):
        if str(path) not in files:
            raise ServerError("config-invalid", f"the bundle's files lack {path}, which its config names")

    def read(path: Path, *, secret: bool) -> bytes:  # noqa: ARG001 - there is no file whose mode could be wrong
        return files[str(path)].encode("utf-8", "surrogatepass")

    return Material(config, read, raw)


def _parts(document: object) -> tuple[str, Mapping[str, str]]:
    if isinstance(document, dict) and set(document) == {"config", "files"}:
        config, files = document["config"], document["files"]
        if isinstance(config, str) and isinstance(files, dict) and all(isinstance(text, str) for text in files.values()):
            return config, cast(Mapping[str, str], files)
    raise ServerError("config-invalid", 'the bundle must be {"config": text, "files": {path: text}} and nothing else')
