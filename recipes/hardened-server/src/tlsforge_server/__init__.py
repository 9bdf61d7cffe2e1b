"""A hardened TLS server on Twisted. Started with ``--config FILE``; see ``config.py`` for what the file holds."""
