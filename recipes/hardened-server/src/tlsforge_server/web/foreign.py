"""Somebody's protocol factory, by the name of its module."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import traceback
from types import ModuleType
from typing import Any

from twisted.internet.interfaces import IProtocolFactory

from ..config.model import Factory
from ..errors import ServerError

_LONGEST_MESSAGE = 1 << 14
#: For a module to load, when it is tried.
_LOAD_SECONDS = 20


def load(app: Factory) -> Any:
    """The factory (``IProtocolFactory``): the attribute, or what it gives when it is called. Raises ServerError ``app-refused``.

    Whoever calls it runs the module, so it is for the process that serves. A module that is loaded stays what it is: a changed one
    takes another process."""
    module = _import(app)
    found: Any = module
    for part in app.attribute.split("."):
        if not hasattr(found, part):
            hint = "app.factory, MODULE:ATTRIBUTE, must name a factory of the module, or a function that makes one"
            raise ServerError("app-refused", f"{_place(module)} has no {app.attribute}", hint)
        found = getattr(found, part)
    if not IProtocolFactory.providedBy(found) and callable(found):
        try:
            found = found()
        except (Exception, SystemExit) as error:
            raise _refusal(app, "fails when it is called", error) from error
    if not IProtocolFactory.providedBy(found):
        hint = "it must be an IProtocolFactory of Twisted's, such as twisted.web.server.Site or Factory.forProtocol(…), or a function that returns one"
        raise ServerError("app-refused", f"{app.module}:{app.attribute} gives {type(found).__name__}, which is no protocol factory", hint)
    return found


def check(app: Factory) -> None:
    """Raises what ``load`` would, without running anything of the module here: in a child that ends. To be called before this process
    has threads."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _report(app, writing)
    os.close(writing)
    with open(reading, "rb") as pipe:
        told = pipe.read(_LONGEST_MESSAGE).decode(errors="replace")
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == -signal.SIGALRM:
        hint = "what a module does when it is loaded must come to an end"
        raise ServerError("app-refused", f"{app.module}:{app.attribute} is not loaded after {_LOAD_SECONDS} seconds", hint)
    if told:
        message, _, hint = told.partition("\0")
        raise ServerError("app-refused", message, hint or None)
    if status != 0:
        raise ServerError("app-refused", f"{app.module} ends the process that loads it (exit {status})")


def _report(app: Factory, writing: int) -> None:
    status = 1
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_LOAD_SECONDS)
        load(app)
        status = 0
    except ServerError as error:
        os.write(writing, f"{error.message}\0{error.hint or ''}".encode()[:_LONGEST_MESSAGE])
    finally:
        # Nothing of the parent's is to be run at this end.
        os._exit(status)


def _import(app: Factory) -> ModuleType:
    """The module, from its folder when it has one, which comes first for this import only."""
    folder = None if app.path is None else str(app.path)
    try:
        if folder is not None:
            sys.path.insert(0, folder)
        importlib.invalidate_caches()
        module = importlib.import_module(app.module)
    except (Exception, SystemExit) as error:
        raise _refusal(app, "cannot be loaded", error) from error
    finally:
        if folder is not None and folder in sys.path:
            sys.path.remove(folder)
    if folder is not None and not _below(module, folder):
        hint = f"another module has this name: give the one in {folder} a name of its own, and restart the server when it has served from elsewhere"
        raise ServerError("app-refused", f"{app.module} is {_place(module)}, not in {folder}", hint)
    return module


def _below(module: ModuleType, folder: str) -> bool:
    places = [module.__file__] if getattr(module, "__file__", None) else list(getattr(module, "__path__", []))
    root = os.path.realpath(folder)
    return any(os.path.realpath(place or "").startswith(root.rstrip("/") + "/") for place in places)


def _place(module: ModuleType) -> str:
    return getattr(module, "__file__", None) or f"the module {module.__name__}"


def _refusal(app: Factory, what: str, error: BaseException) -> ServerError:
    """With the last line of the exception, and the last place of somebody's that it came by."""
    last = traceback.format_exception_only(error)[-1].strip()
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<frozen") and frame.filename != __file__]
    own = [frame for frame in frames if "importlib" not in frame.filename]
    where = f" ({own[-1].filename}, line {own[-1].lineno})" if own else ""
    if isinstance(error, SyntaxError) and error.filename:
        where = f" ({error.filename}, line {error.lineno})"
    hint = None
    if isinstance(error, ModuleNotFoundError):
        looked = app.path or "the stack's Python"
        hint = f"looked in {looked}; app.path names the folder of the module, and what it imports must be there or in the stack"
    return ServerError("app-refused", f"{app.module}:{app.attribute} {what}: {last}{where}", hint)
