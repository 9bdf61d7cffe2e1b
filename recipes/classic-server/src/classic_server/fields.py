"""Reads JSON strictly: unknown keys, duplicate keys, wrong types and empty lists are refused by path."""

import json
import re

from .errors import ServerError


def parse(text, origin):
    """The fields of the JSON document in a text."""
    try:
        document = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except ValueError as error:
        raise ServerError("config-invalid", "%s is not valid JSON: %s" % (origin, error))
    return Fields(document, origin, "")


class Fields(object):
    """Gives an object key by key, remembers which were asked for, and refuses the rest in ``done``."""

    def __init__(self, value, origin, path):
        self._origin = origin
        self._path = path
        self._asked = set()
        if not isinstance(value, dict):
            raise ServerError("config-invalid", "%s: %s must be an object" % (origin, path or "the document"))
        self._value = value

    def refuse(self, key, what):
        raise ServerError("config-invalid", "%s: %s %s" % (self._origin, self._at(key), what))

    def done(self):
        unknown = sorted(set(self._value) - self._asked)
        if unknown:
            self.refuse(unknown[0], "is not a known key")

    def has(self, key):
        return key in self._value

    def text(self, key):
        value = self._get(key)
        if not isinstance(value, basestring) or not value:
            self.refuse(key, "must be text that is not empty")
        if any(ord(character) < 32 or ord(character) == 127 for character in value):
            self.refuse(key, "holds a control character")
        return value

    def whole(self, key):
        value = self._get(key)
        if not isinstance(value, (int, long)) or isinstance(value, bool) or value < 0:
            self.refuse(key, "must be a whole number, 0 or more")
        return value

    def is_null(self, key):
        return self._get(key) is None

    def flag(self, key):
        value = self._get(key)
        if not isinstance(value, bool):
            self.refuse(key, "must be true or false")
        return value

    def choice(self, key, choices):
        value = self.text(key)
        if value not in choices:
            self.refuse(key, "is %s, expected one of %s" % (quoted(value), ", ".join(choices)))
        return str(value)

    def path(self, key):
        """An absolute path, as the bytes that the system takes."""
        value = self.text(key).encode("utf-8")
        if not value.startswith("/"):
            self.refuse(key, "must be an absolute path")
        return value

    def texts(self, key, least=0):
        value = self._get(key)
        if not isinstance(value, list) or len(value) < least:
            self.refuse(key, "must be a list" + (" that is not empty" if least else ""))
        items = Fields(dict((str(index), item) for index, item in enumerate(value)), self._origin, self._at(key))
        texts = tuple(items.text(str(index)) for index in range(len(value)))
        if len(set(texts)) != len(texts):
            self.refuse(key, "names something twice")
        return texts

    def names(self, key, least=0):
        """Plain names of OpenSSL's: none of the characters that its list syntax gives a meaning."""
        names = self.texts(key, least)
        for name in names:
            if re.match(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z", name) is None:
                self.refuse(key, "holds %s, which is not a plain name" % quoted(name))
        return tuple(str(name) for name in names)

    def empty(self, key, why):
        if self._get(key) != []:
            self.refuse(key, "must be [], %s" % why)

    def null(self, key, why):
        if self._get(key) is not None:
            self.refuse(key, "must be null, %s" % why)

    def table(self, key):
        child = self.child(key)
        return tuple((name, child.text(name)) for name in sorted(child._value))

    def child(self, key):
        return Fields(self._get(key), self._origin, self._at(key))

    def children(self, key):
        value = self._get(key)
        if not isinstance(value, list) or not value:
            self.refuse(key, "must be a list that is not empty")
        return [Fields(item, self._origin, "%s.%d" % (self._at(key), index)) for index, item in enumerate(value)]

    def _get(self, key):
        self._asked.add(key)
        if key not in self._value:
            self.refuse(key, "is missing")
        return self._value[key]

    def _at(self, key):
        return "%s.%s" % (self._path, key) if self._path else key


def quoted(value):
    """A text for a message; Python's own form would have a ``u`` before it."""
    return json.dumps(value)


def _no_duplicates(pairs):
    found = {}
    for key, value in pairs:
        if key in found:
            raise ValueError("the key %s stands twice" % quoted(key))
        found[key] = value
    return found


def _no_constant(name):
    raise ValueError("%s is not JSON" % name)
