/** Contents of extensions by their number: what clients send, and servers where they answer with the same. All decoders throw DecodeError. */
import { ByteReader, concat, DecodeError, latin1, readUint16List, uint, vector } from "./bytes.ts";
import type { KeyShare } from "./extensions.ts";

/** The host name of server_name (RFC 6066, 3). Empty for the server's empty answer. */
export function decodeServerName(data: Uint8Array): string {
  if (data.length === 0) return "";
  const reader = new ByteReader(data);
  const list = reader.nested(2);
  if (list.uint(1) !== 0) throw new DecodeError("a name that is no host name");
  const name = latin1(list.vector(2));
  list.end("the host name");
  reader.end("server_name");
  return name;
}

/** A list of 16-bit numbers: signature_algorithms, signature_algorithms_cert (width 2), supported_versions of a client, compress_certificate (width 1). */
export function decodeNumbers(data: Uint8Array, width: 1 | 2): number[] {
  const reader = new ByteReader(data);
  const list = readUint16List(reader.nested(width));
  reader.end("a list of numbers");
  return list;
}

/** A list of 8-bit numbers behind one byte of length: ec_point_formats, psk_key_exchange_modes. */
export function decodeByteList(data: Uint8Array): number[] {
  const reader = new ByteReader(data);
  const list = [...reader.vector(1)];
  reader.end("a list of bytes");
  return list;
}

/** A single number: max_fragment_length and heartbeat (width 1), record_size_limit (2), early_data of a ticket (4). */
export function decodeNumber(data: Uint8Array, width: 1 | 2 | 4): number {
  const reader = new ByteReader(data);
  const value = reader.uint(width);
  reader.end("a number");
  return value;
}

/** The client's key_share (RFC 8446, 4.2.8). */
export function decodeClientKeyShares(data: Uint8Array): KeyShare[] {
  const reader = new ByteReader(data);
  const list = reader.nested(2);
  const shares: KeyShare[] = [];
  while (list.left > 0) shares.push({ group: list.uint(2), exchange: list.vector(2) });
  reader.end("key_share");
  return shares;
}

/** The protocols that a client offers (RFC 7301, 3.1). */
export function decodeAlpnOffer(data: Uint8Array): string[] {
  const reader = new ByteReader(data);
  const list = reader.nested(2);
  const names: string[] = [];
  while (list.left > 0) names.push(latin1(list.vector(1)));
  reader.end("alpn");
  return names;
}

/** The server's protocols in NPN: names until the end, with no length before them all (draft-agl-tls-nextprotoneg-04, 3). */
export function decodeNextProtocols(data: Uint8Array): string[] {
  const reader = new ByteReader(data);
  const names: string[] = [];
  while (reader.left > 0) names.push(latin1(reader.vector(1)));
  return names;
}

/** DER names of certificate_authorities (RFC 8446, 4.2.4). */
export function decodeAuthorities(data: Uint8Array): Uint8Array[] {
  const reader = new ByteReader(data);
  const list = reader.nested(2);
  const names: Uint8Array[] = [];
  while (list.left > 0) names.push(list.vector(2));
  reader.end("certificate_authorities");
  return names;
}

/** The client's pre_shared_key (RFC 8446, 4.2.11). */
export interface PreSharedKeyOffer {
  readonly identities: readonly { readonly ticket: Uint8Array; readonly age: number }[];
  readonly binders: readonly Uint8Array[];
}

export function encodePreSharedKeyOffer({ identities, binders }: PreSharedKeyOffer): Uint8Array {
  return concat(
    vector(2, ...identities.map(({ ticket, age }) => concat(vector(2, ticket), uint(4, age)))),
    vector(2, ...binders.map((binder) => vector(1, binder))),
  );
}

export function decodePreSharedKeyOffer(data: Uint8Array): PreSharedKeyOffer {
  const reader = new ByteReader(data);
  const list = reader.nested(2);
  const identities: { ticket: Uint8Array; age: number }[] = [];
  while (list.left > 0) identities.push({ ticket: list.vector(2), age: list.uint(4) });
  const last = reader.nested(2);
  const binders: Uint8Array[] = [];
  while (last.left > 0) binders.push(last.vector(1));
  reader.end("pre_shared_key");
  return { identities, binders };
}
