/** Certificates made without OpenSSL, for what OpenSSL would not make in a test's time. */
import { generateKeyPairSync, sign, X509Certificate, type KeyObject } from "node:crypto";

import { ascii, concat, encodeDer } from "../../../src/wire/index.ts";

export interface Keys {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export interface Wanted {
  readonly name: string;
  readonly issuer: string;
  readonly keys: Keys;
  readonly signer: Keys;
  readonly ca?: boolean;
  /** As YYMMDD; 2026 where not given. */
  readonly dates?: readonly [from: string, to: string];
  /** A further extension, DER. */
  readonly extension?: Uint8Array;
}

const ecdsa = sequence(Uint8Array.of(6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2));
let serial = 0;

export function makeKeys(): Keys {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return encodeDer(0x30, concat(...parts));
}

/** The signed data, its algorithm and its signature, as certificates and OCSP responses have them. */
export function signed(data: Uint8Array, signer: Keys): readonly Uint8Array[] {
  const signature = new Uint8Array(sign("sha256", data, signer.privateKey));
  return [data, ecdsa, encodeDer(0x03, concat(Uint8Array.of(0), signature))];
}

export function nameOf(text: string): Uint8Array {
  return sequence(encodeDer(0x31, sequence(Uint8Array.of(6, 3, 0x55, 4, 3), encodeDer(0x0c, ascii(text)))));
}

export function make(of: Wanted): X509Certificate {
  const [from, to] = of.dates ?? ["260101", "270101"];
  serial++;
  const constraints = sequence(...(of.ca === true ? [Uint8Array.of(1, 1, 0xff)] : []));
  const basic = sequence(Uint8Array.of(6, 3, 0x55, 0x1d, 0x13), encodeDer(0x04, constraints));
  const tbs = sequence(
    Uint8Array.of(0xa0, 3, 2, 1, 2),
    Uint8Array.of(2, 2, 1 + (serial >> 8), serial & 0xff),
    ecdsa,
    nameOf(of.issuer),
    sequence(encodeDer(0x17, ascii(`${from}000000Z`)), encodeDer(0x17, ascii(`${to}000000Z`))),
    nameOf(of.name),
    new Uint8Array(of.keys.publicKey.export({ format: "der", type: "spki" })),
    encodeDer(0xa3, sequence(basic, ...(of.extension === undefined ? [] : [of.extension]))),
  );
  return new X509Certificate(sequence(...signed(tbs, of.signer)));
}
