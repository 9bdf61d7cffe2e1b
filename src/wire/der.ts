import { ByteReader, DecodeError, latin1 } from "./bytes.ts";

/** One DER element: its tag byte and its contents. */
export interface DerElement {
  readonly tag: number;
  readonly contents: Uint8Array;
  /** With tag and length. */
  readonly raw: Uint8Array;
}

/** What a certificate says that node:crypto does not, or only as text to be taken apart. */
export interface CertificateParts {
  /** Dotted object identifier. */
  readonly signatureAlgorithm: string;
  /** Contents of each extension by its identifier. */
  readonly extensions: ReadonlyMap<string, Uint8Array>;
}

/** The elements in a row to the end of `bytes`. Throws DecodeError. */
export function readDer(bytes: Uint8Array): DerElement[] {
  const reader = new ByteReader(bytes);
  const elements: DerElement[] = [];
  while (reader.left > 0) {
    const start = bytes.length - reader.left;
    const tag = reader.uint(1);
    const contents = reader.take(readLength(reader));
    elements.push({ tag, contents, raw: bytes.subarray(start, bytes.length - reader.left) });
  }
  return elements;
}

/** Signature algorithm and extensions of an X.509 certificate (RFC 5280, 4.1). Throws DecodeError. */
export function readCertificate(der: Uint8Array): CertificateParts {
  const [tbs, algorithm] = readDer(only(der, 0x30));
  if (tbs === undefined || algorithm === undefined) throw new DecodeError("a certificate without its parts");
  const extensionBlock = readDer(tbs.contents).find((element) => element.tag === 0xa3);
  const extensions = new Map<string, Uint8Array>();
  for (const extension of extensionBlock === undefined ? [] : readDer(only(extensionBlock.contents, 0x30))) {
    const fields = readDer(extension.contents);
    const value = fields.at(-1);
    if (fields[0] !== undefined && value?.tag === 0x04) extensions.set(readOid(fields[0].contents), value.contents);
  }
  return { signatureAlgorithm: readOid(readDer(algorithm.contents)[0]?.contents ?? new Uint8Array(0)), extensions };
}

/** Names of a subjectAltName: DNS names, and addresses as text (RFC 5280, 4.2.1.6). */
export function readSubjectNames(extension: Uint8Array): string[] {
  return readDer(only(extension, 0x30)).flatMap(({ tag, contents }) =>
    tag === 0x82 ? [latin1(contents)] : tag === 0x87 ? [addressText(contents)] : [],
  );
}

/** Addresses of OCSP responders in an authorityInfoAccess (RFC 5280, 4.2.2.1). */
export function readOcspUrls(extension: Uint8Array): string[] {
  return readDer(only(extension, 0x30)).flatMap((access) => {
    const [method, location] = readDer(access.contents);
    return method !== undefined && readOid(method.contents) === "1.3.6.1.5.5.7.48.1" && location?.tag === 0x86
      ? [latin1(location.contents)]
      : [];
  });
}

/** True when a TLS feature extension demands a stapled response (RFC 7633). */
export function demandsStaple(extension: Uint8Array): boolean {
  return readDer(only(extension, 0x30)).some(({ contents }) => contents.length === 1 && contents[0] === 5);
}

/** Identifiers of an extendedKeyUsage. */
export function readKeyPurposes(extension: Uint8Array): string[] {
  return readDer(only(extension, 0x30)).map(({ contents }) => readOid(contents));
}

/** Identifiers of certificatePolicies (RFC 5280, 4.2.1.4). */
export function readPolicies(extension: Uint8Array): string[] {
  return readDer(only(extension, 0x30)).flatMap(({ contents }) => {
    const [policy] = readDer(contents);
    return policy === undefined ? [] : [readOid(policy.contents)];
  });
}

/** Dotted text of an object identifier's contents. */
export function readOid(contents: Uint8Array): string {
  const numbers: number[] = [];
  let value = 0;
  for (const byte of contents) {
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) {
      numbers.push(value);
      value = 0;
    }
  }
  const [first = 0, ...rest] = numbers;
  const top = Math.min(Math.floor(first / 40), 2);
  return [top, first - top * 40, ...rest].join(".");
}

function only(bytes: Uint8Array, tag: number): Uint8Array {
  const [element] = readDer(bytes);
  if (element?.tag !== tag) throw new DecodeError(`DER tag ${tag} expected`);
  return element.contents;
}

function readLength(reader: ByteReader): number {
  const first = reader.uint(1);
  if (first < 0x80) return first;
  const width = first & 0x7f;
  if (width < 1 || width > 4) throw new DecodeError(`a DER length of ${width} bytes`);
  return reader.uint(width as 1 | 2 | 3 | 4);
}

function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return [...bytes].join(".");
  const reader = new ByteReader(bytes);
  const parts: string[] = [];
  while (reader.left >= 2) parts.push(reader.uint(2).toString(16));
  return parts.join(":");
}
