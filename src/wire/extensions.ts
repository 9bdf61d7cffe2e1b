import { ascii, ByteReader, concat, DecodeError, latin1, readUint16List, uint, uint16List, vector } from "./bytes.ts";
import { extensionTypes } from "./names.ts";

/** One extension, undecoded. */
export interface Extension {
  readonly type: number;
  readonly data: Uint8Array;
}

/** A public value for one group. */
export interface KeyShare {
  readonly group: number;
  readonly exchange: Uint8Array;
}

/** An extension block with its own length before it. An empty list gives an empty block of two bytes. */
export function encodeExtensions(extensions: readonly Extension[]): Uint8Array {
  return vector(2, ...extensions.map(({ type, data }) => concat(uint(2, type), vector(2, data))));
}

/** Reads an extension block. Throws DecodeError for a type that occurs twice (RFC 8446, 4.2). */
export function decodeExtensions(reader: ByteReader): Extension[] {
  const block = reader.nested(2);
  const extensions: Extension[] = [];
  const seen = new Set<number>();
  while (block.left > 0) {
    const type = block.uint(2);
    if (seen.has(type)) throw new DecodeError(`extension ${type} occurs twice`);
    seen.add(type);
    extensions.push({ type, data: block.vector(2) });
  }
  return extensions;
}

/** The data of the extension of this type, or undefined. */
export function findExtension(extensions: readonly Extension[], type: number): Uint8Array | undefined {
  return extensions.find((extension) => extension.type === type)?.data;
}

/** server_name with one host name (RFC 6066, 3). */
export function serverNameExtension(name: string): Extension {
  return { type: extensionTypes.serverName, data: vector(2, uint(1, 0), vector(2, ascii(name))) };
}

export function supportedGroupsExtension(groups: readonly number[]): Extension {
  return { type: extensionTypes.supportedGroups, data: uint16List(2, groups) };
}

export function signatureAlgorithmsExtension(schemes: readonly number[]): Extension {
  return { type: extensionTypes.signatureAlgorithms, data: uint16List(2, schemes) };
}

/** The client's supported_versions. */
export function supportedVersionsExtension(versions: readonly number[]): Extension {
  return { type: extensionTypes.supportedVersions, data: uint16List(1, versions) };
}

/** The client's key_share; an empty list asks for a HelloRetryRequest. */
export function keyShareExtension(shares: readonly KeyShare[]): Extension {
  return { type: extensionTypes.keyShare, data: vector(2, ...shares.map(encodeKeyShare)) };
}

export function encodeKeyShare({ group, exchange }: KeyShare): Uint8Array {
  return concat(uint(2, group), vector(2, exchange));
}

/** The server's key_share: a share, or in a HelloRetryRequest the group alone. */
export function decodeServerKeyShare(data: Uint8Array): KeyShare {
  const reader = new ByteReader(data);
  const group = reader.uint(2);
  const exchange = reader.left === 0 ? new Uint8Array(0) : reader.vector(2);
  reader.end("key_share");
  return { group, exchange };
}

export function alpnExtension(protocols: readonly string[]): Extension {
  return { type: extensionTypes.alpn, data: vector(2, ...protocols.map((name) => vector(1, ascii(name)))) };
}

/** The one protocol that a server picked. */
export function decodeAlpnChoice(data: Uint8Array): string {
  const reader = new ByteReader(data);
  const list = reader.nested(2);
  const name = latin1(list.vector(1));
  list.end("the chosen protocol");
  reader.end("alpn");
  return name;
}

/** The list of a supported_groups extension. */
export function decodeSupportedGroups(data: Uint8Array): number[] {
  const reader = new ByteReader(data);
  const list = readUint16List(reader.nested(2));
  reader.end("supported_groups");
  return list;
}

/** Asks for a stapled OCSP response (RFC 6066, 8). */
export const statusRequestExtension: Extension = {
  type: extensionTypes.statusRequest,
  data: concat(uint(1, 1), uint(2, 0), uint(2, 0)),
};

/** An extension without data. */
export function emptyExtension(type: number): Extension {
  return { type, data: new Uint8Array(0) };
}
