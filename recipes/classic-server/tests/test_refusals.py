"""Where the server of 2013 wrote a line to its log and went on, this one does not start."""

import os
import unittest

from OpenSSL import SSL, crypto

import pki
import support
from classic_server import libssl, policy
from classic_server.errors import ServerError


class Refusals(support.Case):
    def assert_refused(self, code, message):
        for flags in (("--check",), ()):
            status, error = self.run_server(*flags)
            self.assertEqual((status, error["code"]), (1, code), error)
            self.assertIn(message, error["message"])
        self.assertEqual(os.listdir(self.document["paths"]["run"]), [])

    def test_dh_that_is_not_there(self):
        del self.files["/etc/dh.pem"]
        self.assert_refused("config-invalid", "lack /etc/dh.pem")

    def test_dh_that_is_none(self):
        good = self.files["/etc/dh.pem"]
        lines = good.splitlines()
        for text, message in (
            ("", "holds 0 blocks"),
            (self.files["/etc/cert.pem"], "holds 0 blocks"),
            (good + good, "holds 2 blocks"),
            ("\n".join(lines[:2] + lines[3:]), "that can be read"),
            (pki.pem("DH PARAMETERS", "\x30\x03\x02\x01\x05"), "that can be read"),
            (pki.dh_parameters("17"), "a prime of 5 bits"),
            (pki.dh_parameters(pki.GROUP_14[:-1] + "E"), "that can be used"),
            (pki.dh_parameters(pki.GROUP_14, 1), "that can be used"),
        ):
            self.files["/etc/dh.pem"] = text
            self.assert_refused("policy-refused", message)

    def test_dh_that_is_shorter_than_in_2013(self):
        self.files["/etc/dh.pem"] = pki.dh_parameters(pki.EXPORT)
        self.assert_refused("policy-refused", "a prime of 512 bits")

    def test_a_curve_that_is_none(self):
        for name in ("prime256v2", "rsaEncryption"):
            self.document["policy"]["groups"] = [name]
            self.assert_refused("policy-refused", "OpenSSL takes no curve %s" % name)

    def test_a_suite_that_is_not_there(self):
        self.document["policy"]["ciphers"] = support.SUITES + ["ECDHE-RSA-AES128-SHA3"]
        self.assert_refused("policy-refused", "this OpenSSL has no ECDHE-RSA-AES128-SHA3")

    def test_suites_of_which_none_is_there(self):
        self.document["policy"]["ciphers"] = ["NONE-SUCH"]
        self.document["policy"]["dhe"] = None
        self.assert_refused("policy-refused", "")

    def test_a_suite_that_the_key_cannot_sign_for(self):
        self.document["policy"]["ciphers"] = support.SUITES + ["ECDHE-ECDSA-AES128-SHA"]
        self.assert_refused("policy-refused", "no handshake with ECDHE-ECDSA-AES128-SHA comes about")

    def test_an_option_that_is_not_there(self):
        self.document["policy"]["options"].append("NO_SUCH_THING")
        self.assert_refused("policy-refused", "the option NO_SUCH_THING is unknown")

    def test_a_key_of_another_certificate(self):
        self.files["/etc/key.pem"] = pki.key_text(pki.new_key())
        self.assert_refused("certificate-refused", "/etc/key.pem does not belong to the certificate in /etc/cert.pem")

    def test_certificates_that_are_not_right(self):
        key = support.KEY
        leaf = support.AUTHORITY.leaf
        for text, message in (
            ("", "holds no PEM certificates"),
            (leaf(key, -7200, -3600), "the certificate expired at"),
            (leaf(key, 3600, 7200), "the certificate is valid only from"),
            (pki.text_of(support.AUTHORITY.certificate) + leaf(key), "certificate 2 did not issue certificate 1"),
        ):
            self.files["/etc/cert.pem"] = text
            self.assert_refused("certificate-refused", message)

    def test_keys_that_are_not_right(self):
        encrypted = crypto.dump_privatekey(crypto.FILETYPE_PEM, support.KEY, "DES3", "secret")
        for text, message in (
            ("", "holds no PEM private key"),
            (encrypted, "is encrypted"),
            (pki.key_text(pki.new_key(1024, crypto.TYPE_DSA)), "is not an RSA key"),
        ):
            self.files["/etc/key.pem"] = text
            self.assert_refused("certificate-refused", message)

    def test_another_libssl(self):
        self.document["libssl"] = "/usr/lib/libssl.so.9"
        self.assert_refused("libssl-refused", "the libssl in use is %s" % support.LIBSSL)

    @unittest.skipIf(os.geteuid() == 0, "root can become any")
    def test_an_account_that_it_cannot_become(self):
        self.document["user"] = {"name": "other", "uid": os.geteuid() + 1, "gid": os.getegid()}
        status, error = self.run_server()
        self.assertEqual((status, error["code"]), (1, "user-refused"))

    def test_wrong_usage(self):
        process = support.subprocess.Popen(support.COMMAND, stderr=support.subprocess.PIPE)
        errors = process.communicate()[1]
        self.assertEqual((process.returncode, support.json.loads(errors)["error"]["code"]), (2, "usage"))

    def test_no_trial(self):
        status, error = self.run_server("--trial")
        self.assertEqual((status, error["code"]), (1, "take-over-refused"))
        self.assertIn("does not hand over", error["message"])


class Names(unittest.TestCase):
    """Options by name, of pyOpenSSL and of the library's header, and never by number."""

    def test_both_must_agree(self):
        names = {"NO_TICKET": SSL.OP_NO_TICKET ^ 1}
        with self.assertRaises(ServerError) as caught:
            policy.option("NO_TICKET", names)
        self.assertIn("disagree on the option NO_TICKET", caught.exception.message)

    def test_one_is_enough(self):
        self.assertEqual(policy.option("ONLY_IN_THE_HEADER", {"ONLY_IN_THE_HEADER": 64}), 64)
        self.assertEqual(policy.option("NO_TICKET", {}), SSL.OP_NO_TICKET)

    def test_the_header_of_this_library(self):
        names = libssl.option_names(support.LIBSSL)
        self.assertEqual(names["NO_TICKET"], SSL.OP_NO_TICKET)
        self.assertIn("NO_COMPRESSION", names)
        self.assertIn("NO_SESSION_RESUMPTION_ON_RENEGOTIATION", names)


class Mapped(unittest.TestCase):
    def test_more_than_one(self):
        for mapped, message in (([], "no libssl"), (["/a/libssl.so.1", "/b/libssl.so.3"], "more than one"), (["/b/libssl.so.3"], "is /b/libssl.so.3")):
            with self.assertRaises(ServerError) as caught:
                libssl.check_mapped(mapped, "/a/libssl.so.1")
            self.assertEqual(caught.exception.code, "libssl-refused")
            self.assertIn(message, caught.exception.message)

    def test_names(self):
        maps = "\n".join("0-1 r-xp 0 08:01 1 %s" % path for path in ("/b/libssl.so.1.0.0", "/a/libssl3.so", "/x/libssl-3.dll", "/b/libssl.so.1.0.0"))
        self.assertEqual(libssl.mapped_libraries(maps, "libssl"), ["/b/libssl.so.1.0.0", "/x/libssl-3.dll"])


if __name__ == "__main__":
    support.unittest.main()
