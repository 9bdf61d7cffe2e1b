import { createHash, createPublicKey, verify, type X509Certificate } from "node:crypto";

import {
  DecodeError,
  decodeTimestampList,
  hex,
  readCertificateFields,
  signedTimestampData,
  timestampsExtension,
  withoutExtension,
  type LogEntry,
  type Timestamp,
} from "../../wire/index.ts";
import { clockSkewMs } from "./clock.ts";
import { transparencyLogs, type TransparencyLog } from "./ct-logs.ts";
import { failed, observed, untestable, type Unknown } from "../outcome.ts";
import type { Outcome, TimestampSeen } from "../types.ts";

/** Lists of timestamps by where they came from, or why one cannot be had. */
export type TimestampLists = Readonly<Record<TimestampSeen["source"], readonly (Uint8Array | Unknown)[]>>;

export interface TimestampsOf {
  readonly leaf: X509Certificate;
  readonly issuer: X509Certificate | undefined;
  readonly now: Date;
  /** The logs that are known. */
  readonly logs?: readonly TransparencyLog[];
}

/** Every timestamp once, verified where its log is known (RFC 6962, 3.2). A list that cannot be read is one entry that says so. */
export function readTimestamps(lists: TimestampLists, of: TimestampsOf): TimestampSeen[] {
  const logs = new Map((of.logs ?? transparencyLogs).map((log) => [logIdOf(log), log]));
  const seen = new Map<string, TimestampSeen>();
  for (const source of ["certificate", "handshake", "staple"] as const) {
    for (const list of lists[source]) {
      for (const [key, timestamp] of readList(list, source, { of, logs })) seen.set(`${source} ${key}`, timestamp);
    }
  }
  return [...seen.values()];
}

/** The timestamps of a list, each with what tells it from others. */
function readList(
  list: Uint8Array | Unknown,
  source: TimestampSeen["source"],
  { of, logs }: { of: TimestampsOf; logs: ReadonlyMap<string, TransparencyLog> },
): [string, TimestampSeen][] {
  if ("state" in list) return [unreadable(source, list)];
  try {
    return decodeTimestampList(list).map((timestamp) => {
      const logId = hex(timestamp.logId);
      const log = logs.get(logId);
      const valid =
        log === undefined ? untestable("the log is not on our list") : isValid(timestamp, source, { ...of, log });
      return [
        `${logId} ${timestamp.time} ${hex(timestamp.signature)}`,
        { logId, log: log?.name ?? null, time: timeOf(timestamp), source, valid },
      ];
    });
  } catch (error) {
    if (error instanceof DecodeError) return [unreadable(source, failed(`it cannot be read: ${error.message}`))];
    throw error;
  }
}

function unreadable(source: TimestampSeen["source"], valid: Unknown): [string, TimestampSeen] {
  return [valid.why, { logId: null, log: null, time: null, source, valid }];
}

function isValid(
  timestamp: Timestamp,
  source: TimestampSeen["source"],
  of: TimestampsOf & { log: TransparencyLog },
): Outcome<boolean> {
  const entry = entryOf(source, of);
  if (entry === undefined) return untestable("the certificate of the issuer is not at hand");
  // Logs of RFC 6962 sign with ECDSA on P-256 or with RSA, always with SHA-256.
  if (timestamp.scheme !== 0x0403 && timestamp.scheme !== 0x0401) return observed(false);
  if (timestamp.time > of.now.getTime() + clockSkewMs) return observed(false);
  const key = createPublicKey({ key: Buffer.from(of.log.key), format: "der", type: "spki" });
  return observed(verify("sha256", signedTimestampData(timestamp, entry), key, timestamp.signature));
}

/** A timestamp inside of a certificate is over what the certificate was before it was put in. */
function entryOf(source: TimestampSeen["source"], { leaf, issuer }: TimestampsOf): LogEntry | undefined {
  if (source !== "certificate") return { kind: "certificate", der: new Uint8Array(leaf.raw) };
  if (issuer === undefined) return undefined;
  const issuerKeyHash = sha256(readCertificateFields(issuer.raw).publicKeyInfo);
  const tbs = withoutExtension(readCertificateFields(leaf.raw).tbs, timestampsExtension);
  return { kind: "precertificate", tbs, issuerKeyHash };
}

function logIdOf(log: TransparencyLog): string {
  return hex(sha256(log.key));
}

function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}

/** Times beyond what a date can hold are not of this world. */
function timeOf({ time }: Timestamp): string {
  return new Date(Math.min(time, 8.64e15)).toISOString();
}
