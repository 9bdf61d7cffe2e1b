"""The life of a server process: its role, its sockets, what it gives up, and who may command it."""
