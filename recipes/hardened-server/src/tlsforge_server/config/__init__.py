"""What the server is told: the configuration document and where it comes from."""
