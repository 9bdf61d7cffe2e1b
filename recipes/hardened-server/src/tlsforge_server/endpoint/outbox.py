"""What an application has written and the socket has not taken yet."""

from __future__ import annotations

#: Small pieces are put together up to this, larger ones are taken apart: so a slow reader's progress is seen.
PIECE_BYTES = 1 << 18


class Outbox:
    """``size`` counts the bytes that are waiting."""

    __slots__ = ("size", "_chunks", "_piece")

    def __init__(self) -> None:
        self.size = 0
        self._chunks: list[bytes | memoryview] = []
        self._piece: bytes | memoryview | None = None

    def append(self, data: bytes) -> None:
        self.size += len(data)
        self._chunks.append(data)

    def piece(self) -> bytes | memoryview:
        """What is to be sent next: the same, whatever is appended, until it is taken. Only when something is waiting."""
        if self._piece is None:
            chunks = self._chunks
            self._piece = chunks.pop() if len(chunks) == 1 and len(chunks[0]) <= PIECE_BYTES else self._next()
        return self._piece

    def taken(self, count: int) -> None:
        """So much of the piece has been sent."""
        assert self._piece is not None
        self.size -= count
        self._piece = memoryview(self._piece)[count:] if count < len(self._piece) else None

    def clear(self) -> None:
        self.size = 0
        self._chunks.clear()
        self._piece = None

    def _next(self) -> bytes | memoryview:
        chunks = self._chunks
        first = chunks[0]
        if len(first) > PIECE_BYTES:
            view = memoryview(first)
            chunks[0] = view[PIECE_BYTES:]
            return view[:PIECE_BYTES]
        count, length = 0, 0
        for each in chunks:
            length += len(each)
            if length > PIECE_BYTES:
                break
            count += 1
        piece = b"".join(chunks[:count])
        del chunks[:count]
        return piece
