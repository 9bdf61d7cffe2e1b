/** Names of X.509 as text. */
import { latin1 } from "./bytes.ts";
import { readDer, readOid, type DerElement } from "./der.ts";
import { at, children, only } from "./x509.ts";

/** Short names of attributes (RFC 4514, 3, and what certificates have besides). */
const attributeNames: Readonly<Record<string, string>> = {
  "2.5.4.3": "CN",
  "2.5.4.5": "serialNumber",
  "2.5.4.6": "C",
  "2.5.4.7": "L",
  "2.5.4.8": "ST",
  "2.5.4.10": "O",
  "2.5.4.11": "OU",
  "0.9.2342.19200300.100.1.1": "UID",
  "0.9.2342.19200300.100.1.25": "DC",
  "1.2.840.113549.1.9.1": "emailAddress",
};

/** A Name (RFC 5280, 4.1.2.4) in the order in which it stands: `C=NL, O=Example, CN=Some CA`. Throws DecodeError. */
export function distinguishedName(der: Uint8Array): string {
  return children(only(der))
    .flatMap((set) => children(set))
    .map(({ contents }) => {
      const [type, value] = [at(readDer(contents), 0), at(readDer(contents), 1)];
      const oid = readOid(type.contents);
      return `${attributeNames[oid] ?? oid}=${textOf(value)}`;
    })
    .join(", ");
}

/** UTF8String, BMPString and UniversalString have their own forms; the others are bytes. */
function textOf({ tag, contents }: DerElement): string {
  if (tag === 0x0c) return new TextDecoder().decode(contents);
  if (tag === 0x1e)
    return Buffer.from(contents.subarray(0, contents.length & ~1))
      .swap16()
      .toString("utf16le");
  if (tag === 0x1c) return ucs4(contents);
  return latin1(contents);
}

/** Four bytes for each character, the highest first; what is none is the replacement character. Bytes that are left over at the end are ignored. */
function ucs4(bytes: Uint8Array): string {
  const units = Buffer.from(bytes);
  let text = "";
  for (let from = 0; from + 4 <= units.length; from += 4) {
    const code = units.readUInt32BE(from);
    text += code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? "\ufffd" : String.fromCodePoint(code);
  }
  return text;
}
