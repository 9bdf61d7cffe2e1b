import { createHash, generateKeyPairSync, sign, X509Certificate } from "node:crypto";
import { initializeCA, initializeCTLog, initializeTLog } from "@sigstore/mock";
import type { TrustMaterial } from "@sigstore/verify";
import { trustFrom } from "../../../src/fetch/signatures/trust.ts";

/** A certificate authority, a certificate log and a transparency log of our own, with the trust root that says so. */
export interface PrivateSigstore {
  readonly trust: TrustMaterial;
  /** A bundle with a signature over the bytes themselves. */
  readonly message: (bytes: Uint8Array, who: Who) => Promise<MessageBundle>;
  /** A bundle with an envelope (DSSE) around a payload. */
  readonly envelope: (payload: string, who: Who, payloadType?: string) => Promise<EnvelopeBundle>;
}

export interface Who {
  readonly identity: string;
  readonly issuer: string;
}

interface Material {
  certificate: { rawBytes: string };
  tlogEntries: Record<string, unknown>[];
}

export interface MessageBundle {
  mediaType: string;
  verificationMaterial: Material;
  messageSignature: { messageDigest: { algorithm: string; digest: string }; signature: string };
}

export interface EnvelopeBundle {
  mediaType: string;
  verificationMaterial: Material;
  dsseEnvelope: { payload: string; payloadType: string; signatures: { sig: string; keyid: string }[] };
}

/** An entry of a log as Rekor's API gives it. */
interface LogEntry {
  readonly body: string;
  readonly integratedTime: number;
  readonly logID: string;
  readonly logIndex: number;
  readonly verification?: {
    readonly signedEntryTimestamp?: string;
    readonly inclusionProof?: {
      readonly logIndex: number;
      readonly treeSize: number;
      readonly rootHash: string;
      readonly checkpoint: string;
    };
  };
}

const mediaType = "application/vnd.dev.sigstore.bundle.v0.3+json";
const statementType = "application/vnd.in-toto+json";

/** Makes one; nothing of it leaves the process. */
export async function privateSigstore(): Promise<PrivateSigstore> {
  const start = new Date(Date.now() - 60_000);
  const ctlog = await initializeCTLog(ecKey());
  const ca = await initializeCA(ecKey("P-384"), ctlog);
  const tlog = await initializeTLog("https://log.example", ecKey());
  const root = Buffer.from(ca.rootCertificate.buffer, ca.rootCertificate.byteOffset, ca.rootCertificate.byteLength);
  const log = (publicKey: Buffer): object => ({
    hashAlgorithm: "SHA2_256",
    publicKey: {
      rawBytes: publicKey.toString("base64"),
      keyDetails: "PKIX_ECDSA_P256_SHA_256",
      validFor: { start: start.toISOString() },
    },
    logId: { keyId: sha256(publicKey).toString("base64") },
  });
  const trust = await trustFrom({
    mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
    tlogs: [{ baseUrl: "https://log.example", ...log(tlog.publicKey) }],
    ctlogs: [{ baseUrl: "https://ctlog.example", ...log(ctlog.publicKey) }],
    certificateAuthorities: [
      {
        uri: "https://ca.example",
        certChain: { certificates: [{ rawBytes: root.toString("base64") }] },
        validFor: { start: start.toISOString() },
      },
    ],
    timestampAuthorities: [],
  });
  const certified = async ({ identity, issuer }: Who) => {
    const { publicKey, privateKey } = ecKey();
    const certificate = await ca.issueCertificate({
      publicKey: new Uint8Array(publicKey.export({ format: "der", type: "spki" })),
      subjectAltName: identity,
      extensions: [{ oid: "1.3.6.1.4.1.57264.1.8", value: issuer }],
    });
    return { certificate: Buffer.from(certificate.buffer), privateKey };
  };
  const logged = async (certificate: Buffer, kind: string, spec: object): Promise<Material> => {
    const entries = await tlog.log({ apiVersion: "0.0.1", kind, spec });
    const [entry] = Object.values(entries) as LogEntry[];
    if (entry?.verification?.inclusionProof === undefined) throw new Error("the log gave no proof");
    const { inclusionProof, signedEntryTimestamp } = entry.verification;
    return {
      certificate: { rawBytes: certificate.toString("base64") },
      tlogEntries: [
        {
          logIndex: String(entry.logIndex),
          logId: { keyId: Buffer.from(entry.logID, "hex").toString("base64") },
          kindVersion: { kind, version: "0.0.1" },
          integratedTime: String(entry.integratedTime),
          inclusionPromise: { signedEntryTimestamp },
          inclusionProof: {
            logIndex: String(inclusionProof.logIndex),
            rootHash: Buffer.from(inclusionProof.rootHash, "hex").toString("base64"),
            treeSize: String(inclusionProof.treeSize),
            hashes: [],
            checkpoint: { envelope: inclusionProof.checkpoint },
          },
          canonicalizedBody: entry.body,
        },
      ],
    };
  };
  return {
    trust,
    message: async (bytes, who) => {
      const { certificate, privateKey } = await certified(who);
      const signature = sign("sha256", bytes, privateKey).toString("base64");
      const hash = { algorithm: "sha256", value: sha256(bytes).toString("hex") };
      const publicKey = { content: pem(certificate) };
      const material = await logged(certificate, "hashedrekord", {
        data: { hash },
        signature: { content: signature, publicKey },
      });
      return {
        mediaType,
        verificationMaterial: material,
        messageSignature: {
          messageDigest: { algorithm: "SHA2_256", digest: sha256(bytes).toString("base64") },
          signature,
        },
      };
    },
    envelope: async (payload, who, payloadType = statementType) => {
      const { certificate, privateKey } = await certified(who);
      const sealed = `DSSEv1 ${payloadType.length} ${payloadType} ${Buffer.byteLength(payload)} ${payload}`;
      const sig = sign("sha256", Buffer.from(sealed), privateKey).toString("base64");
      const material = await logged(certificate, "dsse", {
        payloadHash: { algorithm: "sha256", value: sha256(payload).toString("hex") },
        signatures: [{ signature: sig, verifier: pem(certificate) }],
      });
      return {
        mediaType,
        verificationMaterial: material,
        dsseEnvelope: {
          payload: Buffer.from(payload).toString("base64"),
          payloadType,
          signatures: [{ sig, keyid: "" }],
        },
      };
    },
  };
}

function ecKey(namedCurve = "P-256") {
  return generateKeyPairSync("ec", { namedCurve });
}

function pem(certificate: Buffer): string {
  return Buffer.from(new X509Certificate(certificate).toString()).toString("base64");
}

function sha256(bytes: Uint8Array | string): Buffer {
  return createHash("sha256").update(bytes).digest();
}
