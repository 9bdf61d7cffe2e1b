import { X509Certificate, type KeyObject } from "node:crypto";

import {
  aeadOf,
  canAgree,
  cbcOf,
  cbcProtection,
  createKeyAgreement,
  DecodeError,
  diffieHellmanExchange,
  protection12,
  rsaExchange,
  suiteOf,
  vector,
  versions,
  type CbcProtection,
  type Prf,
  type Protection,
  type Random,
} from "../../wire/index.ts";
import type { Flight } from "./answer.ts";

/** Whether a handshake with this suite of TLS 1.2 or older can be completed here. */
export function canComplete(suite: number): boolean {
  const { keyExchange, since } = suiteOf(suite);
  return (
    since !== "TLSv1.3" &&
    ["RSA", "DHE", "ECDHE"].includes(keyExchange) &&
    (aeadOf(suite) !== undefined || cbcOf(suite) !== undefined)
  );
}

/** The RSA or other key of a leaf certificate. Throws DecodeError when it cannot be read. */
export function leafKey(flight: Flight): KeyObject {
  const leaf = flight.certificates?.[0];
  if (leaf === undefined) throw new DecodeError("the server sent no certificate");
  try {
    return new X509Certificate(leaf).publicKey;
  } catch (error) {
    // node:crypto's own errors carry OpenSSL's code.
    if (error instanceof Error && "code" in error) throw new DecodeError("the certificate cannot be read");
    throw error;
  }
}

/** The body of ClientKeyExchange for a server's flight, and the secret that it leads to. */
export function exchangeKeys(flight: Flight, random: Random): { message: Uint8Array; premaster: Uint8Array } {
  const exchange = flight.keyExchange;
  if (exchange?.kind === "ECDHE") {
    const agreement = canAgree(exchange.group) ? createKeyAgreement(exchange.group, random) : undefined;
    const premaster = agreement?.agree(exchange.point);
    if (agreement === undefined || premaster === undefined || premaster === null)
      throw new DecodeError(`group ${exchange.group} cannot be computed here`);
    return { message: vector(1, agreement.share.exchange), premaster };
  }
  if (exchange?.kind === "DHE") {
    const { publicValue, premaster } = diffieHellmanExchange(exchange, random);
    return { message: vector(2, publicValue), premaster };
  }
  if (suiteOf(flight.serverHello.cipherSuite).keyExchange !== "RSA")
    throw new DecodeError("a key exchange other than RSA, DHE and ECDHE");
  const { publicValue, premaster } = rsaExchange(leafKey(flight), {
    helloVersion: Math.min(versions[flight.hello.plan.protocol], versions["TLSv1.2"]),
    random,
  });
  return { message: vector(2, publicValue), premaster };
}

interface ConnectionKeys {
  readonly client: Protection | CbcProtection;
  readonly server: Protection;
}

interface KeyMaterial {
  readonly suite: number;
  readonly version: number;
  readonly master: Uint8Array;
  /** The server's random, then the client's. */
  readonly seed: Uint8Array;
  readonly encryptThenMac: boolean;
  readonly random: Random;
}

/** Both directions' protection, from the key block (RFC 5246, 6.3). */
export function connectionKeys(prf: Prf, of: KeyMaterial): ConnectionKeys {
  const aead = aeadOf(of.suite);
  const cbc = cbcOf(of.suite);
  if (aead !== undefined) {
    const take = keyBlock(prf, of, aead.keyLength + aead.fixedNonce12);
    const [clientKey, serverKey] = [take(aead.keyLength), take(aead.keyLength)];
    const [clientNonce, serverNonce] = [take(aead.fixedNonce12), take(aead.fixedNonce12)];
    return { client: protection12(aead, clientKey, clientNonce), server: protection12(aead, serverKey, serverNonce) };
  }
  if (cbc === undefined) throw new DecodeError("a cipher that cannot be computed here");
  const ivLength = of.version < versions["TLSv1.1"] ? cbc.blockLength : 0;
  const take = keyBlock(prf, of, cbc.macLength + cbc.keyLength + ivLength);
  const [clientMac, serverMac] = [take(cbc.macLength), take(cbc.macLength)];
  const [clientKey, serverKey] = [take(cbc.keyLength), take(cbc.keyLength)];
  const [clientIv, serverIv] = [take(ivLength), take(ivLength)];
  return {
    client: cbcProtection(cbc, { macKey: clientMac, key: clientKey, iv: clientIv }, of),
    server: cbcProtection(cbc, { macKey: serverMac, key: serverKey, iv: serverIv }, of),
  };
}

/** Hands out the key block from front to back. */
function keyBlock(prf: Prf, of: KeyMaterial, perSide: number): (length: number) => Uint8Array {
  const block = prf.derive(of.master, { label: "key expansion", seed: of.seed, length: 2 * perSide });
  let position = 0;
  return (length) => block.subarray(position, (position += length));
}
