"""The one error that a refusal to start or to reload is told with; codes are those of the hardened server."""

import json


class ServerError(Exception):
    """What happened and where (``message``, no period at the end) and what to do (``hint``). ``facts`` go into the JSON as they are."""

    def __init__(self, code, message, hint=None, **facts):
        Exception.__init__(self, message)
        self.code = code
        self.message = message
        self.hint = hint
        self.facts = facts

    def record(self):
        """The error as the object that callers parse."""
        told = dict(self.facts, code=self.code, message=_text(self.message))
        if self.hint is not None:
            told["hint"] = self.hint
        return told

    def line(self):
        """One JSON line: ``{"error": {...}}``."""
        return json.dumps({"error": self.record()})


def _text(message):
    # What the system says may be bytes of any sort, which JSON cannot hold.
    return message.decode("utf-8", "replace") if isinstance(message, str) else message
