"""The resource trees of the configured applications."""

from __future__ import annotations

import os

from twisted.web import resource

from ..config.model import App, Config, Factory, Proxy, Static, WebSocketEcho
from ..errors import ServerError
from .about import About
from .files import Files


def make_root(config: Config) -> resource.Resource:
    """The resource tree of the configured application; not of a factory, which has none. Raises ServerError ``app-refused``."""
    app = config.app
    assert not isinstance(app, Factory)
    # What only some applications need is loaded for them.
    if isinstance(app, Proxy):
        from .proxy import ReverseProxy

        return ReverseProxy(app.upstream, config.limits)
    if isinstance(app, WebSocketEcho):
        from .websocket import Echo

        return Echo(config.limits)
    if isinstance(app, Static):
        check_folder(app)
        return Files(app.directory)
    return About(config)


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
