"""Two hundred handshakes with each suite, and the keys that they were made with."""

import unittest

import support
from client import Client, key_exchange

COUNT = 200


class Handshakes(support.Case):
    def public_values(self, count):
        """The server's ephemeral public values of so many connections, by suite."""
        port = self.server().port()
        found = {}
        for suite in support.SUITES:
            for _number in range(count):
                client = Client(port, suite)
                client.close()
                found.setdefault(suite, []).append(key_exchange(client.raw).public)
        return found

    def test_each_has_a_key_of_its_own(self):
        for suite, values in self.public_values(COUNT).items():
            self.assertEqual((suite, len(set(values))), (suite, COUNT))

    @unittest.skipUnless(support.KEYS_CAN_REPEAT, "since OpenSSL 1.1.0 every connection has a key of its own, whatever the options")
    def test_without_single_use_keys_repeat(self):
        options = self.document["policy"]["options"]
        for name in ("SINGLE_DH_USE", "SINGLE_ECDH_USE"):
            options.remove(name)
        found = self.public_values(5)
        for suite, values in found.items():
            self.assertEqual((suite, len(set(values))), (suite, 1))
        # One key for curves and one for DH, not one for each suite.
        self.assertEqual(len(set(sum(found.values(), []))), 2)

    @unittest.skipUnless(support.KEYS_CAN_REPEAT, "since OpenSSL 1.1.0 every connection has a key of its own, whatever the options")
    def test_each_option_is_for_its_own(self):
        self.document["policy"]["options"].remove("SINGLE_DH_USE")
        for suite, values in self.public_values(5).items():
            self.assertEqual((suite, len(set(values))), (suite, 1 if suite.startswith("DHE") else 5))


if __name__ == "__main__":
    support.unittest.main()
