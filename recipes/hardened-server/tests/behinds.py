"""Starts ``behind.py`` and reads what it tells."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any


#: For root, so that it reads no more than its files' modes allow.
_AS_ANYBODY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 and shutil.which("setpriv") else []


class Behind:
    """A running process; ``port`` is where it listens."""

    def __init__(self, config: Path, application: str, **limits: float) -> None:
        script = str(Path(__file__).parent / "behind.py")
        argv = [*_AS_ANYBODY, sys.executable, "-B", script, str(config), application, json.dumps(limits)]
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._events: Queue[dict[str, Any]] = Queue()
        Thread(target=self._collect, daemon=True).start()
        self.port = int(self._next()["port"])

    def event(self, name: str) -> dict[str, Any]:
        """The next of this name; others before it are passed over."""
        while True:
            event = self._next()
            if event["event"] == name:
                return event

    def lost(self) -> str:
        """Why the next connection was lost."""
        return str(self.event("lost")["reason"])

    def quiet(self) -> bool:
        """Whether nothing has been told that was not asked for."""
        return self._events.empty()

    def _next(self) -> dict[str, Any]:
        return self._events.get(timeout=15)

    def _collect(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._events.put(json.loads(line))

    def end(self) -> str:
        """What it wrote to standard error."""
        self.process.kill()
        _out, errors = self.process.communicate()
        return errors.decode()
