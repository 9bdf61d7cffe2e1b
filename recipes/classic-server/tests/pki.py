"""What a server of a test is given: an authority, a leaf, DH parameters."""

import base64

from OpenSSL import crypto

#: RFC 2409 and RFC 3526: primes that can be read in a test, and one of 1999's export size, which OpenSSL of today does not take.
GROUP_2 = (
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
    "4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE65381FFFFFFFFFFFFFFFF"
)
GROUP_14 = (
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
    "4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05"
    "98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA051015728E5A8AACAA68FFFFFFFFFFFFFFFF"
)
EXPORT = "D4BCD52406F69B35994B88DE5DB89682C8157F62D8F33633EE5772F11F05AB22D6B5145B9F241E5ACC31FF090A4BC71148976F76795094E71E7903529F5A824B"


def dh_parameters(prime, generator=2):
    """PEM of PKCS #3."""
    return pem("DH PARAMETERS", _element(0x30, _integer(int(prime, 16)) + _integer(generator)))


def pem(name, der):
    encoded = base64.b64encode(der)
    lines = [encoded[at : at + 64] for at in range(0, len(encoded), 64)]
    return "-----BEGIN %s-----\n%s\n-----END %s-----\n" % (name, "\n".join(lines), name)


def _integer(value):
    digits = "%x" % value
    content = ("0" * (len(digits) % 2) + digits).decode("hex")
    return _element(0x02, ("\0" if ord(content[0]) & 0x80 else "") + content)


def _element(tag, content):
    length = "%x" % len(content)
    length = ("0" * (len(length) % 2) + length).decode("hex")
    return chr(tag) + (length if len(content) < 128 else chr(0x80 | len(length)) + length) + content


def new_key(bits=2048, kind=crypto.TYPE_RSA):
    key = crypto.PKey()
    key.generate_key(kind, bits)
    return key


class Authority(object):
    """Signs leaves, each with a serial number of its own."""

    def __init__(self):
        self._key = new_key()
        self._serial = 1
        self.certificate = self._issue("authority", self._key, [crypto.X509Extension("basicConstraints", True, "CA:TRUE")], 3600 * 24 * 30)

    def leaf(self, key, begins=-3600, ends=3600 * 24, names="DNS:localhost,IP:127.0.0.1,IP:::1"):
        """PEM of the leaf and its issuer."""
        found = self._issue("localhost", key, [crypto.X509Extension("subjectAltName", False, names)], ends, begins)
        return text_of(found) + text_of(self.certificate)

    def _issue(self, name, key, extensions, ends, begins=-7200):
        self._serial += 1
        certificate = crypto.X509()
        certificate.set_version(2)
        certificate.set_serial_number(self._serial)
        certificate.get_subject().CN = name
        certificate.set_issuer(self.certificate.get_subject() if name != "authority" else certificate.get_subject())
        certificate.set_pubkey(key)
        certificate.gmtime_adj_notBefore(begins)
        certificate.gmtime_adj_notAfter(ends)
        certificate.add_extensions(extensions)
        certificate.sign(self._key, "sha256")
        return certificate


def text_of(certificate):
    return crypto.dump_certificate(crypto.FILETYPE_PEM, certificate)


def key_text(key):
    return crypto.dump_privatekey(crypto.FILETYPE_PEM, key)
