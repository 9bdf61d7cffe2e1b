import { createHash, generateKeyPairSync, sign, X509Certificate, type KeyObject } from "node:crypto";

import { describe, expect, it } from "vitest";

import { clockSkewMs } from "../../../src/probe/certificates/clock.ts";
import { transparencyLogs } from "../../../src/probe/certificates/ct-logs.ts";
import { readTimestamps, type TimestampLists } from "../../../src/probe/certificates/timestamps.ts";
import type { TimestampSeen } from "../../../src/probe/index.ts";
import {
  ascii,
  concat,
  encodeDer,
  hex,
  readCertificate,
  readCertificateFields,
  timestampListOf,
  timestampsExtension,
  uint,
  vector,
} from "../../../src/wire/index.ts";

const time = Date.UTC(2026, 0, 2, 3, 4, 5);
const now = new Date(Date.UTC(2026, 1, 1));
const logKeys = generateKeyPairSync("ec", { namedCurve: "P-256" });
const log = { name: "A log", key: spki(logKeys.publicKey) };
const issuerKeys = generateKeyPairSync("ec", { namedCurve: "P-256" });
const issuer = certificate({ name: "Issuer", key: issuerKeys.publicKey });

function spki(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ format: "der", type: "spki" }));
}

function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return encodeDer(0x30, concat(...parts));
}

/** A TBSCertificate, DER (RFC 5280, 4.1), with this list of timestamps where one is given. */
function tbsOf(of: { name: string; key: KeyObject; list?: Uint8Array }): Uint8Array {
  const nameOf = (text: string): Uint8Array =>
    sequence(encodeDer(0x31, sequence(Uint8Array.of(6, 3, 0x55, 4, 3), encodeDer(0x0c, ascii(text)))));
  const ecdsa = sequence(Uint8Array.of(6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2));
  const dates = sequence(encodeDer(0x17, ascii("260101000000Z")), encodeDer(0x17, ascii("270101000000Z")));
  const usage = sequence(Uint8Array.of(6, 3, 0x55, 0x1d, 0x0f), Uint8Array.of(4, 4, 3, 2, 7, 0x80));
  const extension = (list: Uint8Array): Uint8Array =>
    sequence(Uint8Array.of(6, 10, 0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 2), encodeDer(0x04, encodeDer(0x04, list)));
  const extensions = sequence(usage, ...(of.list === undefined ? [] : [extension(of.list)]));
  return sequence(
    Uint8Array.of(0xa0, 3, 2, 1, 2),
    Uint8Array.of(2, 1, 7),
    ecdsa,
    nameOf("Issuer"),
    dates,
    nameOf(of.name),
    spki(of.key),
    encodeDer(0xa3, extensions),
  );
}

function certificate(of: { name: string; key: KeyObject; list?: Uint8Array }): X509Certificate {
  const tbs = tbsOf(of);
  const signature = new Uint8Array(sign("sha256", tbs, issuerKeys.privateKey));
  const algorithm = sequence(Uint8Array.of(6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2));
  return new X509Certificate(sequence(tbs, algorithm, encodeDer(0x03, concat(Uint8Array.of(0), signature))));
}

/** A list with one timestamp of the log over `entry`, which is written as in RFC 6962, 3.2. */
function listOver(entry: Uint8Array, at = time): Uint8Array {
  const stamp = concat(uint(4, Math.floor(at / 2 ** 32)), uint(4, at % 2 ** 32));
  const signed = concat(Uint8Array.of(0, 0), stamp, entry, uint(2, 0));
  const signature = new Uint8Array(sign("sha256", signed, logKeys.privateKey));
  const id = new Uint8Array(createHash("sha256").update(log.key).digest());
  const timestamp = concat(Uint8Array.of(0), id, stamp, uint(2, 0), uint(2, 0x0403), vector(2, signature));
  return vector(2, vector(2, timestamp));
}

const bare = { name: "leaf", key: logKeys.publicKey };
const plain = certificate(bare);
const overCertificate = concat(uint(2, 0), vector(3, new Uint8Array(plain.raw)));
const overPrecertificate = concat(
  uint(2, 1),
  new Uint8Array(createHash("sha256").update(spki(issuerKeys.publicKey)).digest()),
  vector(3, tbsOf(bare)),
);
const embedded = listOver(overPrecertificate);
const stamped = certificate({ ...bare, list: embedded });
const none: TimestampLists = { certificate: [], handshake: [], staple: [] };
const yes = { state: "observed", value: true };
const no = { state: "observed", value: false };

describe("certificate timestamps", () => {
  it("inside of a certificate are over what it was before", () => {
    const extension = readCertificate(stamped.raw).extensions.get(timestampsExtension);
    expect(hex(timestampListOf(extension!))).toBe(hex(embedded));
    const [seen] = readTimestamps({ ...none, certificate: [embedded] }, { leaf: stamped, issuer, now, logs: [log] });
    expect(seen).toEqual({
      logId: createHash("sha256").update(log.key).digest("hex"),
      log: "A log",
      time: "2026-01-02T03:04:05.000Z",
      source: "certificate",
      valid: yes,
    });
  });

  it("do not hold for another certificate or another issuer, and say nothing without the issuer", () => {
    const validBy = (leaf: X509Certificate, by: X509Certificate | undefined) =>
      readTimestamps({ ...none, certificate: [embedded] }, { leaf, issuer: by, now, logs: [log] })[0]?.valid;
    expect(validBy(certificate({ ...bare, name: "other", list: embedded }), issuer)).toEqual(no);
    expect(validBy(stamped, plain)).toEqual(no);
    expect(validBy(stamped, undefined)).toMatchObject({ state: "untestable" });
  });

  it("in a handshake or a staple are over the certificate itself", () => {
    const list = listOver(overCertificate);
    const lists = { ...none, handshake: [list, list], staple: [list] };
    const seen = readTimestamps(lists, { leaf: plain, issuer: undefined, now, logs: [log] });
    expect(seen.map(({ source, valid }) => [source, valid])).toEqual([
      ["handshake", yes],
      ["staple", yes],
    ]);
    const wrong = { ...none, handshake: [listOver(overPrecertificate)] };
    expect(readTimestamps(wrong, { leaf: plain, issuer, now, logs: [log] })[0]?.valid).toEqual(no);
  });

  it("do not hold from the future, beyond what clocks may differ by, and are untestable from a log that is not known", () => {
    const late = { ...none, handshake: [listOver(overCertificate, now.getTime() + clockSkewMs + 1)] };
    const soon = { ...none, handshake: [listOver(overCertificate, now.getTime() + clockSkewMs)] };
    expect(readTimestamps(soon, { leaf: plain, issuer, now, logs: [log] })[0]?.valid).toEqual(yes);
    expect(readTimestamps(late, { leaf: plain, issuer, now, logs: [log] })[0]?.valid).toEqual(no);
    expect(readTimestamps(late, { leaf: plain, issuer, now })[0]).toMatchObject({
      log: null,
      valid: { state: "untestable", why: "the log is not on our list" },
    });
  });

  it.each<[TimestampSeen["source"], Uint8Array]>([
    ["certificate", embedded.subarray(0, 30)],
    ["handshake", listOver(overCertificate).subarray(0, 30)],
    ["staple", listOver(overCertificate).subarray(0, 30)],
  ])("of one place that cannot be read leave those of the others: %s", (source, broken) => {
    const list = listOver(overCertificate);
    const whole = { certificate: [embedded], handshake: [list], staple: [list] };
    const seen = readTimestamps({ ...whole, [source]: [broken] }, { leaf: stamped, issuer, now, logs: [log] });
    expect(seen.map((one) => one.source)).toEqual(["certificate", "handshake", "staple"]);
    const of = (isWanted: boolean) => seen.filter((one) => (one.source === source) === isWanted);
    expect(of(false).map(({ valid }) => valid.state)).toEqual(["observed", "observed"]);
    const why = expect.stringContaining("it cannot be read: ") as string;
    expect(of(true)).toEqual([{ logId: null, log: null, time: null, source, valid: { state: "failed", why } }]);
  });

  it("of a response that could not be read are not known, for the same reason", () => {
    const staple = [{ state: "failed", why: "broken" }] as const;
    expect(readTimestamps({ ...none, staple }, { leaf: plain, issuer, now })).toEqual([
      { logId: null, log: null, time: null, source: "staple", valid: staple[0] },
    ]);
  });

  it("are of logs whose keys are points on P-256, each once", () => {
    const ids = transparencyLogs.map(({ key }) => createHash("sha256").update(key).digest("base64"));
    expect(new Set(ids).size).toBe(transparencyLogs.length);
    expect(ids).toContain("1219ENGn9XfCx+lf1wC/+YLJM1pl4dCzAXMXwMjFaXc=");
    for (const { key } of transparencyLogs) expect(key.length).toBe(91);
  });
});

describe("the parts of a certificate", () => {
  it("are those that node:crypto reads", () => {
    const fields = readCertificateFields(stamped.raw);
    expect(hex(fields.publicKeyInfo)).toBe(hex(spki(logKeys.publicKey)));
    expect(hex(fields.publicKey)).toBe(hex(spki(logKeys.publicKey).subarray(26)));
    expect([...fields.serial]).toEqual([7]);
    expect(hex(fields.issuer)).toBe(hex(readCertificateFields(issuer.raw).subject));
  });
});
