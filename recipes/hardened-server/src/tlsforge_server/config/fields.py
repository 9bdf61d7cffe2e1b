"""Reads a JSON document key by key and refuses whatever was not asked for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import NoReturn, cast

from ..errors import ServerError


def read_json(raw: bytes, origin: str) -> Fields:
    """The fields of a JSON document. A key that stands twice, and NaN, are refused."""
    try:
        document = json.loads(raw, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ServerError("config-invalid", f"{origin} is not valid JSON: {error}") from error
    return Fields(document, origin, "")


class Fields:
    """Reads an object key by key, remembers which were asked for, and refuses the rest in ``done``."""

    def __init__(self, value: object, origin: str, path: str) -> None:
        self._origin = origin
        self._path = path
        self._asked: set[str] = set()
        if not isinstance(value, dict):
            raise ServerError("config-invalid", f"{origin}: {path or 'the document'} must be an object")
        self._value = cast(dict[str, object], value)

    def refuse(self, key: str, what: str) -> NoReturn:
        raise ServerError("config-invalid", f"{self._origin}: {self._at(key)} {what}")

    def done(self) -> None:
        unknown = sorted(set(self._value) - self._asked)
        if unknown:
            self.refuse(unknown[0], "is not a known key")

    def text(self, key: str) -> str:
        value = self._get(key)
        if not isinstance(value, str) or not value:
            self.refuse(key, "must be text that is not empty")
        if any(ord(character) < 32 or ord(character) == 127 for character in value):
            self.refuse(key, "holds a control character")
        return value

    def whole(self, key: str, most: int = 10**12) -> int:
        value = self._get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
            self.refuse(key, f"must be a whole number from 0 to {most}")
        return value

    def number(self, key: str, least: float) -> float:
        value = self._get(key)
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not least <= value < 1e9:
            self.refuse(key, f"must be a number, {least:g} or more")
        return float(value)

    def has(self, key: str) -> bool:
        return key in self._value

    def is_null(self, key: str) -> bool:
        return self._get(key) is None

    def flag(self, key: str) -> bool:
        value = self._get(key)
        if not isinstance(value, bool):
            self.refuse(key, "must be true or false")
        return value

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self.text(key)
        if value not in choices:
            self.refuse(key, f"is {value!r}, expected one of {', '.join(choices)}")
        return value

    def path(self, key: str) -> Path:
        path = Path(self.text(key))
        if not path.is_absolute():
            self.refuse(key, "must be an absolute path")
        return path

    def texts(self, key: str, least: int = 0) -> tuple[str, ...]:
        value = self._get(key)
        if not isinstance(value, list) or len(value) < least:
            self.refuse(key, "must be a list" + (" that is not empty" if least else ""))
        items = Fields({str(index): item for index, item in enumerate(value)}, self._origin, self._at(key))
        texts = tuple(items.text(str(index)) for index in range(len(value)))
        if len(set(texts)) != len(texts):
            self.refuse(key, "names something twice")
        return texts

    def names(self, key: str, least: int) -> tuple[str, ...]:
        """Plain names of OpenSSL's: none of the characters that its list syntax gives a meaning."""
        names = self.texts(key, least)
        for name in names:
            if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_./-]*", name) is None:
                self.refuse(key, f"holds {name!r}, which is not a plain name")
        return names

    def table(self, key: str) -> tuple[tuple[str, str], ...]:
        child = self.child(key)
        return tuple((name, child.text(name)) for name in child._value)

    def child(self, key: str) -> Fields:
        return Fields(self._get(key), self._origin, self._at(key))

    def children(self, key: str) -> list[Fields]:
        value = self._get(key)
        if not isinstance(value, list) or not value:
            self.refuse(key, "must be a list that is not empty")
        return [Fields(item, self._origin, f"{self._at(key)}.{index}") for index, item in enumerate(value)]

    def _get(self, key: str) -> object:
        self._asked.add(key)
        if key not in self._value:
            self.refuse(key, "is missing")
        return self._value[key]

    def _at(self, key: str) -> str:
        return f"{self._path}.{key}" if self._path else key


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} stands twice")
        found[key] = value
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
