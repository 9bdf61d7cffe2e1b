"""The TLS server of October 2013. It is vulnerable: for reproduction only."""
