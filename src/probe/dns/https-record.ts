import { DecodeError } from "../../wire/index.ts";
import { printable } from "../http/http.ts";
import type { HttpsRecordSeen } from "../types.ts";

/** SvcParamKeys (RFC 9460, 14.3.2; ech: RFC 9848). */
const keys = { alpn: 1, noDefaultAlpn: 2, port: 3, ipv4hint: 4, ech: 5, ipv6hint: 6 } as const;

/** The data of an HTTPS record (RFC 9460, 2.2): priority, target, parameters in the order of their keys. Throws DecodeError. */
export function readHttpsRecord(data: Uint8Array): HttpsRecordSeen {
  const reader = createReader(data);
  const priority = reader.number(2);
  const target = readName(reader);
  const parameters = new Map<number, Uint8Array>();
  let last = -1;
  while (reader.left() > 0) {
    const key = reader.number(2);
    if (key <= last) throw new DecodeError("the parameters of an HTTPS record are not in order");
    last = key;
    parameters.set(key, reader.bytes(reader.number(2)));
  }
  const port = parameters.get(keys.port);
  return {
    priority,
    target,
    alpn: readAlpn(parameters.get(keys.alpn)),
    noDefaultAlpn: parameters.has(keys.noDefaultAlpn),
    port: port === undefined ? null : createReader(port).number(2),
    ech: (parameters.get(keys.ech)?.length ?? 0) > 0,
    ipv4Hints: readAddresses(parameters.get(keys.ipv4hint), 4),
    ipv6Hints: readAddresses(parameters.get(keys.ipv6hint), 16),
  };
}

interface Reader {
  readonly left: () => number;
  readonly bytes: (length: number) => Uint8Array;
  readonly number: (length: number) => number;
}

function createReader(data: Uint8Array): Reader {
  let at = 0;
  const bytes = (length: number): Uint8Array => {
    if (at + length > data.length) throw new DecodeError("an HTTPS record ends too early");
    at += length;
    return data.subarray(at - length, at);
  };
  return {
    left: () => data.length - at,
    bytes,
    number: (length) => bytes(length).reduce((value, byte) => value * 256 + byte, 0),
  };
}

/** Uncompressed, as it must be here; the root is `.`. */
function readName(reader: Reader): string {
  const labels: string[] = [];
  for (;;) {
    const length = reader.number(1);
    if (length === 0) return labels.length === 0 ? "." : labels.join(".");
    if (length > 63) throw new DecodeError("the target of an HTTPS record is no name");
    labels.push(text(reader.bytes(length)));
  }
}

function readAlpn(value: Uint8Array | undefined): string[] {
  const reader = createReader(value ?? new Uint8Array(0));
  const names: string[] = [];
  while (reader.left() > 0) names.push(text(reader.bytes(reader.number(1))));
  return names;
}

function readAddresses(value: Uint8Array | undefined, size: 4 | 16): string[] {
  const reader = createReader(value ?? new Uint8Array(0));
  const addresses: string[] = [];
  while (reader.left() > 0) {
    const bytes = reader.bytes(size);
    if (size === 4) addresses.push(bytes.join("."));
    else
      addresses.push(ipv6(Array.from({ length: 8 }, (_, index) => createReader(bytes.subarray(index * 2)).number(2))));
  }
  return addresses;
}

/** In the shortest form (RFC 5952). */
function ipv6(groups: readonly number[]): string {
  return new URL(`http://[${groups.map((group) => group.toString(16)).join(":")}]`).hostname.slice(1, -1);
}

function text(bytes: Uint8Array): string {
  return printable(Buffer.from(bytes).toString("latin1"));
}
