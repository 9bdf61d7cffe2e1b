"""OCSP stapling: what a responder says of a certificate, asked for in time, verified, and kept for the handshakes. See ``stapler.Stapler``."""
