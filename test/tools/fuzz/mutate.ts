/** Numbers below a limit, from a seed: fast and the same everywhere (xorshift). */
export type Draw = (below: number) => number;

export function drawFrom(seed: number): Draw {
  // Zero would stay zero.
  let state = seed | 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Values that lengths and types like to be wrong with. */
const edges = [0, 1, 2, 0x03, 0x0b, 0x0e, 0x10, 0x14, 0x16, 0x20, 0x30, 0x40, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xfe, 0xff];

/** The bytes with one to five changes: other values, parts cut out, repeated, swapped in from `other`, lengths that lie. */
export function mutate(seed: Uint8Array, other: Uint8Array, draw: Draw): Uint8Array {
  let bytes: Uint8Array = Uint8Array.from(seed);
  for (let times = 1 + draw(5); times > 0; times--) bytes = change(bytes, other, draw);
  return bytes;
}

function change(bytes: Uint8Array, other: Uint8Array, draw: Draw): Uint8Array {
  if (bytes.length === 0) return Uint8Array.of(draw(256));
  // Half of all changes hit the first bytes, where headers and hellos are.
  const at = draw(2) === 0 ? draw(Math.min(bytes.length, 160)) : draw(bytes.length);
  switch (draw(8)) {
    case 0:
      bytes[at] = draw(256);
      return bytes;
    case 1:
      bytes[at] = edges[draw(edges.length)] ?? 0;
      return bytes;
    case 2:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << draw(8));
      return bytes;
    case 3:
      bytes[at] = ((bytes[at] ?? 0) + (draw(2) === 0 ? 1 : 255)) & 0xff;
      return bytes;
    case 4:
      return bytes.slice(0, at);
    case 5:
      return joined(bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + 1 + draw(32))));
    case 6:
      return joined(bytes.subarray(0, at), Uint8Array.of(draw(256)), bytes.subarray(at));
    default: {
      const from = draw(other.length + 1);
      return joined(bytes.subarray(0, at), other.subarray(from, from + draw(64)), bytes.subarray(at));
    }
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}
