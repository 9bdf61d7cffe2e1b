import { concat, DecodeError, uint } from "./bytes.ts";
import { readDer, readOid, type DerElement } from "./der.ts";

/** Parts of a certificate as they stand in it, DER with their headers unless said otherwise (RFC 5280, 4.1). */
export interface CertificateFields {
  readonly tbs: Uint8Array;
  /** Contents of the integer. */
  readonly serial: Uint8Array;
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly publicKeyInfo: Uint8Array;
  /** The key itself: what the bit string holds. */
  readonly publicKey: Uint8Array;
}

/** Takes a certificate apart. Throws DecodeError. */
export function readCertificateFields(der: Uint8Array): CertificateFields {
  const tbs = at(children(only(der)), 0);
  const fields = children(tbs);
  const start = fields[0]?.tag === 0xa0 ? 1 : 0;
  const publicKeyInfo = at(fields, start + 5);
  return {
    tbs: tbs.raw,
    serial: at(fields, start).contents,
    issuer: at(fields, start + 2).raw,
    subject: at(fields, start + 4).raw,
    publicKeyInfo: publicKeyInfo.raw,
    publicKey: bitString(at(children(publicKeyInfo), 1)),
  };
}

/** A TBSCertificate without one of its extensions; without the block where nothing is left in it. What a log signs (RFC 6962, 3.2). */
export function withoutExtension(tbs: Uint8Array, oid: string): Uint8Array {
  const fields = children(only(tbs)).flatMap((field) => {
    if (field.tag !== 0xa3) return [field.raw];
    const left = children(at(children(field), 0)).filter(
      (extension) => readOid(at(children(extension), 0).contents) !== oid,
    );
    return left.length === 0 ? [] : [encodeDer(0xa3, encodeDer(0x30, concat(...left.map(({ raw }) => raw))))];
  });
  return encodeDer(0x30, concat(...fields));
}

/** One element with the shortest form of its length. */
export function encodeDer(tag: number, contents: Uint8Array): Uint8Array {
  const { length } = contents;
  if (length < 0x80) return concat(uint(1, tag), uint(1, length), contents);
  const width = length < 0x100 ? 1 : length < 0x1_0000 ? 2 : length < 0x100_0000 ? 3 : 4;
  return concat(uint(1, tag), uint(1, 0x80 + width), uint(width, length), contents);
}

/** What a constructed element holds. */
export function children(element: DerElement): DerElement[] {
  return readDer(element.contents);
}

/** The first element. Throws DecodeError where there is none. */
export function only(bytes: Uint8Array): DerElement {
  return at(readDer(bytes), 0);
}

/** The element at this place. Throws DecodeError where there is none. */
export function at(elements: readonly DerElement[], index: number): DerElement {
  const element = elements[index];
  if (element === undefined) throw new DecodeError(`DER element ${index} is missing`);
  return element;
}

/** The bytes of a bit string that has no unused bits. Throws DecodeError. */
export function bitString(element: DerElement): Uint8Array {
  if (element.tag !== 0x03 || element.contents[0] !== 0) throw new DecodeError("DER bit string expected");
  return element.contents.subarray(1);
}
