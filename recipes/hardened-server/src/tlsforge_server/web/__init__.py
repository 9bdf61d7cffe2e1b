"""What is served over HTTP/1.1."""
