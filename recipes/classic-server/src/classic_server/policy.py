"""A context of 2013 from a policy, by name only. Where the server of 2013 wrote a line to its log and went on, this one refuses."""

import tempfile

from OpenSSL import SSL, crypto

from . import dh, libssl
from .config import TLS_VERSIONS
from .errors import ServerError

#: Every version that this OpenSSL may know above those of a policy is switched off by its option.
_SWITCHES = (("TLSv1.0", "NO_TLSv1"), ("TLSv1.1", "NO_TLSv1_1"), ("TLSv1.2", "NO_TLSv1_2"), ("TLSv1.3", "NO_TLSv1_3"))


def apply(context, policy, files, library):
    """Configures a new context. Certificates are not its business. Returns facts for the status."""
    names = libssl.option_names(library)
    _options(context, option_bits(policy, names))
    _suites(context, policy.ciphers)
    # After the options: without SINGLE_DH_USE and SINGLE_ECDH_USE these two make the key that every connection then has.
    set_curve(context, policy.curve)
    bits = None if policy.dh_parameters is None else _dh(context, policy.dh_parameters, files[policy.dh_parameters])
    return {"dhBits": bits, "inert": [name for name in policy.options if option(name, names) == 0]}


def option_bits(policy, names):
    """The policy's options and versions as this OpenSSL numbers them."""
    wanted = list(policy.options)
    if policy.preference == "server":
        wanted.append("CIPHER_SERVER_PREFERENCE")
    low, high = TLS_VERSIONS.index(policy.min_version), TLS_VERSIONS.index(policy.max_version)
    for place, (_version, switch) in enumerate(_SWITCHES):
        # A version that the header has no switch for is one that the library does not know.
        if not low <= place <= high and switch in names:
            wanted.append(switch)
    bits = 0
    for name in wanted:
        bits |= option(name, names)
    return bits


def option(name, names):
    """One option. 0 means that this OpenSSL always does so. pyOpenSSL lacks some names (2013's has no NO_COMPRESSION), which come from the
    header of the library; where both know one they must agree, since a number means something else in another OpenSSL."""
    of_library, of_binding = names.get(name), getattr(SSL, "OP_" + name, None)
    if of_library is None and of_binding is None:
        raise ServerError("policy-refused", "the option %s is unknown to this OpenSSL and its pyOpenSSL" % name)
    if None not in (of_library, of_binding) and of_library != of_binding:
        raise ServerError("policy-refused", "pyOpenSSL and OpenSSL disagree on the option %s" % name, "build pyOpenSSL against this OpenSSL")
    return of_binding if of_library is None else of_library


def _options(context, bits):
    found = context.set_options(bits)
    if found & bits != bits:
        raise ServerError("policy-refused", "the options in force are 0x%x, asked for 0x%x" % (found, bits))


def _suites(context, ciphers):
    wanted = list(ciphers)
    try:
        context.set_cipher_list(":".join(wanted))
    except SSL.Error:
        raise ServerError("policy-refused", "OpenSSL refuses the ciphers %s" % ":".join(wanted))
    # Those of TLS 1.3 stand in every list, and mean nothing where that version is off.
    found = [name for name in SSL.Connection(context, None).get_cipher_list() if not name.startswith("TLS_")]
    if found != wanted:
        lacking = [name for name in wanted if name not in found]
        what = "has no %s" % ", ".join(lacking) if lacking else "makes %s of the ciphers" % ":".join(found)
        raise ServerError("policy-refused", "this OpenSSL %s" % what)


def set_curve(context, name):
    """The one curve of a context; a client's, too, since OpenSSL 1.1.0."""
    by_name = getattr(context, "set_tmp_ecdh_curve", None)
    try:
        if by_name is not None:
            by_name(name)
        else:
            context.set_tmp_ecdh(crypto.get_elliptic_curve(name.decode("ascii")))
    except (ValueError, SSL.Error, AttributeError):
        drain_errors()
        raise ServerError("policy-refused", "OpenSSL takes no curve %s" % name)


def _dh(context, path, text):
    bits = dh.check(text, path)
    # By file, the one way that load_tmp_dh has; there is nothing secret in it.
    with tempfile.NamedTemporaryFile() as file:
        file.write(text)
        file.flush()
        try:
            context.load_tmp_dh(file.name)
        except (SSL.Error, MemoryError):
            drain_errors()
            raise ServerError("policy-refused", "OpenSSL refuses the DH parameters of %s" % path)
    return bits


def drain_errors():
    """OpenSSL keeps errors that nobody asked for, and would tell them to the next connection: pyOpenSSL empties the list when it raises."""
    try:
        crypto.load_certificate(crypto.FILETYPE_PEM, "none")
    except crypto.Error:
        pass
