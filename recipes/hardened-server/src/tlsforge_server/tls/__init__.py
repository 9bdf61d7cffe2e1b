"""How TLS is spoken: policy and certificates put on a context, and read back."""
