"""Names that clients know."""

from __future__ import annotations

#: What a client may ask for that a policy may leave out. Names that this OpenSSL does not have are left aside.
KNOWN_SUITES = (
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_CCM_SHA256",
    "TLS_AES_128_CCM_8_SHA256",
)
KNOWN_GROUPS = (
    "X25519MLKEM768",
    "SecP256r1MLKEM768",
    "SecP384r1MLKEM1024",
    "MLKEM512",
    "MLKEM768",
    "MLKEM1024",
    "X25519",
    "X448",
    "prime256v1",
    "secp384r1",
    "secp521r1",
    "brainpoolP256r1tls13",
    "brainpoolP384r1tls13",
    "brainpoolP512r1tls13",
    "ffdhe2048",
    "ffdhe3072",
    "ffdhe4096",
)
KNOWN_SIGNATURES = (
    "ecdsa_secp256r1_sha256",
    "ecdsa_secp384r1_sha384",
    "ecdsa_secp521r1_sha512",
    "ed25519",
    "ed448",
    "rsa_pss_rsae_sha256",
    "rsa_pss_rsae_sha384",
    "rsa_pss_rsae_sha512",
    "rsa_pkcs1_sha256",
    "rsa_pkcs1_sha384",
    "rsa_pkcs1_sha512",
    "ecdsa_sha1",
    "rsa_pkcs1_sha1",
)
#: Those that TLS 1.2 has.
CLASSICAL_GROUPS = ("X25519", "X448", "prime256v1", "secp384r1", "secp521r1")
SIGNATURE_CURVES = {
    "ecdsa_secp256r1_sha256": "prime256v1",
    "ecdsa_secp384r1_sha384": "secp384r1",
    "ecdsa_secp521r1_sha512": "secp521r1",
}
#: Names that clients and tables use for one group.
GROUP_ALIASES = {"secp256r1": "prime256v1", "p-256": "prime256v1", "p-384": "secp384r1", "p-521": "secp521r1"}
