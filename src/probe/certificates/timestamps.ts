import { createHash, createPublicKey, verify, type X509Certificate } from "node:crypto";

import {
  decodeTimestampList,
  hex,
  readCertificateFields,
  signedTimestampData,
  timestampsExtension,
  withoutExtension,
  type LogEntry,
  type Timestamp,
} from "../../wire/index.ts";
import { transparencyLogs, type TransparencyLog } from "./ct-logs.ts";
import { observed, untestable } from "../outcome.ts";
import type { Outcome, TimestampSeen } from "../types.ts";

/** Lists of timestamps by where they came from. */
export type TimestampLists = Readonly<Record<TimestampSeen["source"], readonly Uint8Array[]>>;

export interface TimestampsOf {
  readonly leaf: X509Certificate;
  readonly issuer: X509Certificate | undefined;
  readonly now: Date;
  /** The logs that are known. */
  readonly logs?: readonly TransparencyLog[];
}

/** Every timestamp once, verified where its log is known (RFC 6962, 3.2). Throws DecodeError for a list that cannot be read. */
export function readTimestamps(lists: TimestampLists, of: TimestampsOf): TimestampSeen[] {
  const logs = new Map((of.logs ?? transparencyLogs).map((log) => [logIdOf(log), log]));
  const seen = new Map<string, TimestampSeen>();
  for (const source of ["certificate", "handshake", "staple"] as const) {
    for (const timestamp of lists[source].flatMap(decodeTimestampList)) {
      const logId = hex(timestamp.logId);
      const log = logs.get(logId);
      seen.set(`${source} ${logId} ${timestamp.time} ${hex(timestamp.signature)}`, {
        logId,
        log: log?.name ?? null,
        time: timeOf(timestamp),
        source,
        valid:
          log === undefined ? untestable("the log is not on our list") : isValid(timestamp, source, { ...of, log }),
      });
    }
  }
  return [...seen.values()];
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
  if (timestamp.time > of.now.getTime()) return observed(false);
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
