"""The bundle: one document with the configuration and every file that it names, from standard input or over the control socket."""

import json
from collections import namedtuple

from . import config as configuration
from .errors import ServerError

#: The longest document that is taken.
LIMIT = 4 << 20

#: A configuration, and the files by path, as bytes both.
Material = namedtuple("Material", "config files")


def parse(raw):
    """The material in JSON bytes."""
    if len(raw) > LIMIT:
        raise ServerError("config-invalid", "the bundle is longer than %d bytes" % LIMIT)
    try:
        document = json.loads(raw)
    except ValueError as error:
        raise ServerError("config-invalid", "the bundle is not valid JSON: %s" % error)
    return unpack(document)


def unpack(document):
    """What ``{"config": text, "files": {path: text}}`` holds. A path of the configuration that ``files`` lacks is refused at once."""
    text, files = _parts(document)
    config = configuration.parse(text.encode("utf-8"), "the bundle's config")
    held = dict((path.encode("utf-8"), content.encode("utf-8")) for path, content in files.items())
    for path in (config.certificate.chain, config.certificate.key, config.policy.dh_parameters):
        if path is not None and path not in held:
            raise ServerError("config-invalid", "the bundle's files lack %s, which its config names" % path)
    return Material(config, held)


def _parts(document):
    if isinstance(document, dict) and set(document) == set(("config", "files")):
        text, files = document["config"], document["files"]
        if isinstance(text, basestring) and isinstance(files, dict) and all(isinstance(each, basestring) for each in files.values()):
            return text, files
    raise ServerError("config-invalid", 'the bundle must be {"config": text, "files": {path: text}} and nothing else')
