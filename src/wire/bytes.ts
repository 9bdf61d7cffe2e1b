/** What could not be decoded, and at which byte. Whoever reads from a peer expects this error and nothing else. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  readonly offset: number;

  constructor(message: string, offset = 0) {
    super(message);
    this.offset = offset;
  }
}

/** Reads a byte string from front to back and refuses to read past its end. A class for its moving position. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bytes not yet read. */
  get left(): number {
    return this.#bytes.length - this.#position;
  }

  /** The next `length` bytes, as a view. Throws DecodeError when there are fewer. */
  take(length: number): Uint8Array {
    if (length > this.left) throw new DecodeError(`${length} bytes wanted, ${this.left} left`, this.#position);
    const part = this.#bytes.subarray(this.#position, this.#position + length);
    this.#position += length;
    return part;
  }

  /** Big-endian unsigned integer of 1 to 4 bytes. */
  uint(width: 1 | 2 | 3 | 4): number {
    let value = 0;
    for (const byte of this.take(width)) value = value * 256 + byte;
    return value;
  }

  /** A vector whose length stands before it in `width` bytes. */
  vector(width: 1 | 2 | 3): Uint8Array {
    return this.take(this.uint(width));
  }

  /** Like `vector`, as a reader of its own. */
  nested(width: 1 | 2 | 3): ByteReader {
    return new ByteReader(this.vector(width));
  }

  /** The rest. */
  rest(): Uint8Array {
    return this.take(this.left);
  }

  /** Throws DecodeError when bytes are left: what follows the end of a structure is an error of the peer. */
  end(what: string): void {
    if (this.left > 0) throw new DecodeError(`${this.left} bytes left after ${what}`, this.#position);
  }
}

/** Big-endian unsigned integer of 1 to 4 bytes. Throws RangeError when the value does not fit. */
export function uint(width: 1 | 2 | 3 | 4, value: number): Uint8Array {
  if (!Number.isInteger(value) || value < 0 || value >= 256 ** width)
    throw new RangeError(`${value} does not fit in ${width} bytes`);
  const bytes = new Uint8Array(width);
  for (let index = width - 1, rest = value; index >= 0; index--, rest = Math.floor(rest / 256))
    bytes[index] = rest % 256;
  return bytes;
}

/** Bytes with their length before them in `width` bytes. */
export function vector(width: 1 | 2 | 3, ...parts: readonly Uint8Array[]): Uint8Array {
  const body = concat(...parts);
  return concat(uint(width, body.length), body);
}

/** A list of 16-bit numbers behind its length in bytes, itself in `width` bytes. */
export function uint16List(width: 1 | 2, values: readonly number[]): Uint8Array {
  return vector(width, ...values.map((value) => uint(2, value)));
}

/** Reads a list of 16-bit numbers to the end of the reader. */
export function readUint16List(reader: ByteReader): number[] {
  const values: number[] = [];
  while (reader.left > 0) values.push(reader.uint(2));
  return values;
}

/** All parts in a row, in fresh memory. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** True when both hold the same bytes. Not constant in time: nothing here is secret from its reader. */
export function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

/** Lower-case hexadecimal. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** Bytes as Latin-1 text: every byte a character. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

/** Text of ASCII characters as bytes. */
export function ascii(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}
