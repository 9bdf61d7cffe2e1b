"""Accepted sockets made into protected connections that Twisted's applications use."""
