"""A context as one value: policy and certificate applied, and read back. Never changed after it is made; a reload makes a new one."""

import time
from collections import namedtuple

from OpenSSL import SSL

from . import certificate, policy, readback

#: What connections are made from, and what is known to be in force in it.
Credentials = namedtuple("Credentials", "context certificate in_force")


def build(material, library):
    """Raises ServerError when the certificate is not right or OpenSSL does not do what the policy says."""
    config = material.config
    asked = config.policy
    context = SSL.Context(SSL.SSLv23_METHOD)
    facts = policy.apply(context, asked, material.files, library)
    used = certificate.use(context, config.certificate, material.files, time.strftime("%Y%m%d%H%M%SZ", time.gmtime()))
    facts["handshakes"] = readback.check(context, asked)
    facts.update(
        profile=asked.profile,
        minVersion=asked.min_version,
        maxVersion=asked.max_version,
        ciphers=list(asked.ciphers),
        ciphersuites=[],
        groups=[asked.curve],
        signatureAlgorithms=[],
        preference=asked.preference,
        options=list(asked.options),
        tickets=None,
        alpn=[],
    )
    return Credentials(context, used, facts)
