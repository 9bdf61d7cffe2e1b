"""Handshakes of a finished context with itself, in memory: one for each suite. OpenSSL skips in silence what it cannot use, such as a suite
whose key or parameters it did not take."""

from OpenSSL import SSL

from .errors import ServerError
from .policy import drain_errors, set_curve

_ROUNDS = 10


def check(context, policy):
    """Raises ServerError ``policy-refused`` when a suite of the policy cannot be had. Returns how many handshakes were made."""
    for name in policy.ciphers:
        client = SSL.Context(SSL.SSLv23_METHOD)
        client.set_options(context.set_options(0))
        client.set_cipher_list(name)
        # Later versions offer only the usual ones by themselves.
        set_curve(client, policy.curve)
        try:
            _shake_hands(SSL.Connection(client, None), SSL.Connection(context, None))
        except SSL.Error as error:
            drain_errors()
            raise ServerError("policy-refused", "no handshake with %s comes about: %s" % (name, reason(error)))
    return len(policy.ciphers)


def _shake_hands(client, server):
    client.set_connect_state()
    server.set_accept_state()
    for _round in range(_ROUNDS):
        done = [_step(client, server), _step(server, client)]
        if all(done):
            return
    raise SSL.Error([("", "", "it does not end")])


def _step(one, other):
    """Goes on as far as one side can, and carries what it says. Whether its handshake has ended."""
    done = True
    failure = None
    try:
        one.do_handshake()
    except SSL.WantReadError:
        done = False
    except SSL.Error as error:
        failure = error
    try:
        while True:
            other.bio_write(one.bio_read(1 << 15))
    except SSL.WantReadError:
        pass
    if failure is not None:
        raise failure
    return done


def reason(error):
    """What pyOpenSSL says, in words: its errors are lists of (library, function, reason)."""
    try:
        return "; ".join(told[-1] for told in error.args[0]) or "no reason given"
    except (IndexError, TypeError):
        return str(error) or "no reason given"
