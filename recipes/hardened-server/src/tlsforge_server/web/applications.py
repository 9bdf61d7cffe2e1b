"""The resource trees of the configured applications."""

from __future__ import annotations

import os
from typing import Callable

from twisted.web import resource

from ..config.model import App, Config, Factory, Proxy, Static, WebSocketEcho
from ..errors import ServerError


def make_root(config: Config) -> resource.Resource:
    """The resource tree of the configured application; not of a factory, which has none. Raises ServerError ``app-refused``."""
    check_folder(config.app)
    return maker(config.app)(config)


def maker(app: App) -> Callable[[Config], resource.Resource]:
    """What makes the resource tree of an application. Its modules are loaded here and no others: a process that has called it shares them
    with the children that it makes."""
    assert not isinstance(app, Factory)
    if isinstance(app, Proxy):
        from .proxy import ReverseProxy

        upstream = app.upstream
        return lambda config: ReverseProxy(upstream, config.limits)
    if isinstance(app, WebSocketEcho):
        from .websocket import Echo

        return lambda config: Echo(config.limits)
    if isinstance(app, Static):
        from .files import Files

        directory = app.directory
        return lambda _config: Files(directory)
    from .about import About

    return About


def check_folder(app: App) -> None:
    """Raises ServerError ``app-refused`` when this process cannot serve from the application's folder."""
    if not isinstance(app, Static):
        return
    hint = "app.directory must name the folder to serve"
    try:
        # Its own entry is below it: so it has to be a folder that can be entered.
        os.stat(f"{app.directory}/.")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ServerError("app-refused", f"{app.directory} is not a folder", hint) from error
    except PermissionError as error:
        hint = f"let the user with id {os.geteuid()} enter it and every folder on its way (chmod o+x), or serve another, such as one below /srv"
        raise ServerError("app-refused", f"{app.directory} cannot be looked at: {error.strerror}", hint) from error
    except OSError as error:
        raise ServerError("app-refused", f"{app.directory} cannot be looked at: {error.strerror}", hint) from error
