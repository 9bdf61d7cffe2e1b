"""Refusals of the configuration, each by the path of its key."""

import copy
import json

import support
from classic_server import bundle, config
from classic_server.errors import ServerError

GONE = object()

#: Where the document is changed, to what, and what the refusal says after the document's name.
REFUSED = [
    ("policy.profile", "", "policy.profile must be text that is not empty"),
    ("policy.profile", "a\nb", "policy.profile holds a control character"),
    ("policy.minVersion", "SSLv3", 'policy.minVersion is "SSLv3", expected one of TLSv1.0, TLSv1.1, TLSv1.2'),
    ("policy.maxVersion", "TLSv1.3", 'policy.maxVersion is "TLSv1.3", expected one of TLSv1.0, TLSv1.1, TLSv1.2'),
    ("policy.maxVersion", GONE, "policy.maxVersion is missing"),
    ("policy.ciphers", [], "policy.ciphers must be a list that is not empty"),
    ("policy.ciphers", ["ALL:!aNULL"], 'policy.ciphers holds "ALL:!aNULL", which is not a plain name'),
    ("policy.ciphers", ["DHE-RSA-AES128-SHA"] * 2, "policy.ciphers names something twice"),
    ("policy.ciphersuites", ["TLS_AES_128_GCM_SHA256"], "policy.ciphersuites must be [], since there is no TLS 1.3"),
    ("policy.signatureAlgorithms", ["ed25519"], "policy.signatureAlgorithms must be [], which pyOpenSSL cannot set"),
    ("policy.alpn", ["http/1.1"], "policy.alpn must be [], which pyOpenSSL of 2013 does not have"),
    ("policy.groups", [], "policy.groups must be a list that is not empty"),
    ("policy.groups", ["prime256v1", "secp384r1"], "policy.groups must be one curve: a context of 2013 takes no more"),
    ("policy.preference", "nobody", 'policy.preference is "nobody", expected one of client, server'),
    ("policy.tickets", {"rotateSeconds": 3600}, "policy.tickets must be null, which pyOpenSSL of 2013 cannot give keys of its own"),
    ("policy.options", ["NO_SSLv2", "NO_TICKET"], "policy.options lacks NO_SSLv3, which follows from minVersion"),
    ("policy.options", ["NO_SSLv2", "NO_SSLv3"], "policy.options lacks NO_TICKET, which follows from tickets"),
    ("policy.options", ["CIPHER_SERVER_PREFERENCE"], "policy.options names CIPHER_SERVER_PREFERENCE, which follows from preference"),
    ("policy.options", [0x20000], "policy.options.0 must be text that is not empty"),
    ("policy.dhe", GONE, "policy.dhe is missing"),
    ("policy.dhe", None, "policy.dhe must be there when ciphers name DHE suites, and only then"),
    ("policy.dhe", {"group": "ffdhe2048"}, "policy.dhe.parameters is missing"),
    ("policy.ciphers", ["ECDHE-RSA-AES128-SHA"], "policy.dhe must be there when ciphers name DHE suites, and only then"),
    ("policy.dhe.parameters", "dh.pem", "policy.dhe.parameters must be an absolute path"),
    ("policy.security", 1, "policy.security is not a known key"),
    ("listen", [], "listen must be a list that is not empty"),
    ("listen", ["localhost:8443"], 'listen holds "localhost:8443"; expected address:port, IPv6 in brackets'),
    ("listen", ["127.0.0.1:65536"], 'listen holds "127.0.0.1:65536"; expected address:port, IPv6 in brackets'),
    ("listen", ["[::1::]:1"], 'listen holds "[::1::]:1", whose host is not an IP address'),
    ("redirect", "127.0.0.1:80", "redirect must be a list"),
    ("names", [], "names must be a list that is not empty"),
    ("certificates", [], "certificates must be a list that is not empty"),
    ("certificates", [{"chain": "/a", "key": "/b"}] * 2, "certificates must be one pair: a context of 2013 has one chain"),
    ("certificates.0.key", GONE, "certificates.0.key is missing"),
    ("certificates.0.staple", "/x", "certificates.0.staple is not a known key"),
    ("hsts.maxAge", -1, "hsts.maxAge must be a whole number, 0 or more"),
    ("hsts.preload", 1, "hsts.preload must be true or false"),
    ("app.kind", "static", 'app.kind is "static", expected one of about'),
    ("app.directory", "/srv", "app.directory is not a known key"),
    ("sni", "strict", 'sni is "strict", expected one of default'),
    ("ocsp", "auto", 'ocsp is "auto", expected one of off'),
    ("accessLog", True, "accessLog must be false, since there is no access log"),
    ("workers", 0, "workers must be 1: one process serves"),
    ("limits", {"connections": 9}, "limits.connections is not a known key"),
    ("paths.state", GONE, "paths.state is missing"),
    ("paths.run", "/" + 92 * "x", "paths.run is too long: with /server.sock it is beyond the 103 bytes that a Unix socket's path may have"),
    ("paths.log", GONE, "paths.log is missing"),
    ("user", {"name": "root", "uid": 0, "gid": 0}, "user.uid is root's; name an account without privileges, or null"),
    ("user", {"name": "x", "uid": 1}, "user.gid is missing"),
    ("generation", True, "generation must be a whole number, 0 or more"),
    ("generation", 1.0, "generation must be a whole number, 0 or more"),
    ("standBySeconds", GONE, "standBySeconds is missing"),
    ("libssl", "libssl.so", "libssl must be an absolute path"),
    ("about", {"python": 2}, "about.python must be text that is not empty"),
    ("vulnerable", [], "vulnerable must be a list that is not empty"),
    ("vulnerable", [{"id": "CVE-2014-0160"}], "vulnerable.0.name is missing"),
    ("vulnerable", [{"id": "a", "name": "b", "recipe": "openssl"}], "vulnerable.0.version is missing"),
    ("vulnerable", [{"id": "a", "name": "b", "fixed": True}], "vulnerable.0.fixed is not a known key"),
    ("schema", "tlsforge.server/2", 'schema is "tlsforge.server/2", expected "tlsforge.server/1"'),
    ("comment", "x", "comment is not a known key"),
]


class Refused(support.Case):
    def test_each_by_its_path(self):
        for path, value, expected in REFUSED:
            document = changed(self.document, path, value)
            self.assertEqual(refusal(json.dumps(document)), "it: " + expected)

    def test_what_is_not_json(self):
        text = json.dumps(self.document)
        self.assertIn('the key "schema" stands twice', refusal('{"schema": "a", ' + text[1:]))
        self.assertIn("NaN is not JSON", refusal(text.replace('"generation": 7', '"generation": NaN')))
        self.assertEqual(refusal("[]"), "it: the document must be an object")

    def test_the_document_of_2013_is_taken(self):
        found = config.parse(json.dumps(self.document), "it")
        self.assertEqual(found.policy.curve, "prime256v1")
        self.assertEqual(list(found.policy.ciphers), support.SUITES)
        self.assertEqual(str(found.listen[0]), "127.0.0.1:0")

    def test_one_spelling_of_an_address(self):
        found = config.parse(json.dumps(changed(self.document, "listen", ["[0:0::0:1]:8443"])), "it")
        self.assertEqual(str(found.listen[0]), "[::1]:8443")


class Bundles(support.Case):
    def test_what_is_no_bundle(self):
        for document in ([], {"config": "{}"}, {"config": {}, "files": {}}, {"config": "{}", "files": {"/a": 1}}, {"config": "{}", "files": {}, "more": 1}):
            self.assertIn("must be {", caught(bundle.unpack, document).message)
        self.assertIn("is longer than", caught(bundle.parse, " " * (bundle.LIMIT + 1)).message)

    def test_files_that_it_lacks(self):
        for path in sorted(self.files):
            document = self.bundle()
            document["files"] = dict((name, text) for name, text in self.files.items() if name != path)
            self.assertEqual(caught(bundle.unpack, document).message, "the bundle's files lack %s, which its config names" % path)


def changed(document, path, value):
    document = copy.deepcopy(document)
    keys = path.split(".")
    place = document
    for key in keys[:-1]:
        place = place[int(key) if key.isdigit() else key]
    if value is GONE:
        del place[keys[-1]]
    else:
        place[keys[-1]] = value
    return document


def refusal(text):
    return caught(config.parse, text, "it").message


def caught(call, *arguments):
    try:
        call(*arguments)
    except ServerError as error:
        assert error.code == "config-invalid", error.code
        return error
    raise AssertionError("not refused: %r" % (arguments,))


if __name__ == "__main__":
    support.unittest.main()
