"""What waits to be sent."""

from __future__ import annotations

import random

from tlsforge_server.endpoint.outbox import PIECE_BYTES, Outbox


def test_what_goes_in_comes_out_in_order_whatever_is_taken() -> None:
    chance = random.Random(7)
    for _ in range(50):
        outbox, written, sent = Outbox(), b"", b""
        for _ in range(200):
            if chance.random() < 0.5:
                data = chance.randbytes(chance.choice((0, 1, 10, 1000, PIECE_BYTES, 3 * PIECE_BYTES + 1)) if chance.random() < 0.3 else 7)
                if data:
                    outbox.append(data)
                written += data
            elif outbox.size:
                piece = outbox.piece()
                assert 0 < len(piece) <= PIECE_BYTES and outbox.piece() is piece
                count = len(piece) if chance.random() < 0.8 else chance.randint(1, len(piece))
                sent += piece[:count]
                outbox.taken(count)
            assert outbox.size == len(written) - len(sent)
        while outbox.size:
            sent += (piece := outbox.piece())
            outbox.taken(len(piece))
        assert sent == written


def test_small_pieces_are_put_together() -> None:
    outbox = Outbox()
    for number in range(1000):
        outbox.append(bytes([number % 256]))
    assert len(outbox.piece()) == 1000
