import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { X509Certificate } from "node:crypto";
import { execa } from "execa";

import { suites } from "../../../src/wire/index.ts";
import { suiteName, type Fact, type Facts } from "../../tools/fleet/facts.ts";
import type { Peer } from "./peers.ts";

/** SSLyze of the folder that TLSFORGE_TEST_SSLYZE names (a venv), by its JSON. */
export const sslyze: Peer = {
  name: "sslyze",
  file: "json",
  program: () => {
    const venv = process.env["TLSFORGE_TEST_SSLYZE"];
    return venv === undefined || venv === "" ? null : join(venv, "bin", "sslyze");
  },
  async run(port) {
    const folder = await mkdtemp(join(tmpdir(), "sslyze-"));
    try {
      const file = join(folder, "result.json");
      const argv = [`--json_out=${file}`, ...checks, `localhost:${port}{127.0.0.1}`];
      await execa(sslyze.program() ?? "sslyze", argv, { timeout: 300_000, reject: false });
      return await readFile(file, "utf8");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  trim: (output) => `${JSON.stringify(trimmed(JSON.parse(output) as Output), null, 1)}\n`,
  facts: (text) => readFacts(JSON.parse(text) as Trimmed),
};

const checks = [
  "--sslv2",
  "--sslv3",
  "--tlsv1",
  "--tlsv1_1",
  "--tlsv1_2",
  "--tlsv1_3",
  "--certinfo",
  "--compression",
  "--openssl_ccs",
  "--fallback",
  "--heartbleed",
  "--robot",
  "--reneg",
  "--elliptic_curves",
  "--ems",
  "--early_data",
  "--resum",
];

/** The results that are compared, as SSLyze names them; those without a result are left out. */
type Results = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

interface Output {
  readonly server_scan_results: readonly [
    { readonly scan_result: Readonly<Record<string, { status: string; result: Record<string, unknown> | null }>> },
  ];
}

interface Trimmed {
  /** By version: names of the suites that were accepted. */
  readonly suites: Readonly<Record<string, readonly string[]>>;
  readonly versions: Readonly<Record<string, boolean>>;
  readonly curves: readonly string[] | null;
  /** Leaves, PEM. */
  readonly certificates: readonly string[];
  readonly results: Results;
}

const versionNames: Readonly<Record<string, string>> = {
  ssl_2_0: "SSLv2",
  ssl_3_0: "SSLv3",
  tls_1_0: "TLSv1.0",
  tls_1_1: "TLSv1.1",
  tls_1_2: "TLSv1.2",
  tls_1_3: "TLSv1.3",
};

const plainResults = [
  "tls_compression",
  "tls_1_3_early_data",
  "openssl_ccs_injection",
  "tls_fallback_scsv",
  "heartbleed",
  "robot",
  "session_renegotiation",
  "session_resumption",
  "tls_extended_master_secret",
];

function trimmed(output: Output): Trimmed {
  const scan = output.server_scan_results[0].scan_result;
  const accepted: Record<string, string[]> = {};
  const versions: Record<string, boolean> = {};
  for (const [key, name] of Object.entries(versionNames)) {
    const result = scan[`${key}_cipher_suites`]?.result as {
      is_tls_version_supported: boolean;
      accepted_cipher_suites: { cipher_suite: { name: string } }[];
    } | null;
    if (result === null) continue;
    versions[name] = result.is_tls_version_supported;
    accepted[name] = result.accepted_cipher_suites.map((suite) => suite.cipher_suite.name).toSorted();
  }
  const curves = scan["elliptic_curves"]?.result as { supported_curves: { name: string }[] | null } | null;
  const deployments = scan["certificate_info"]?.result as {
    certificate_deployments: { received_certificate_chain: { as_pem: string }[] }[];
  } | null;
  return {
    suites: accepted,
    versions,
    curves: curves?.supported_curves?.map(({ name }) => name) ?? null,
    certificates:
      deployments?.certificate_deployments.flatMap(({ received_certificate_chain: [leaf] }) => leaf?.as_pem ?? []) ??
      [],
    results: Object.fromEntries(
      plainResults.flatMap((name) => {
        const result = scan[name]?.result;
        return result === null || result === undefined ? [] : [[name, plainPart(result)]];
      }),
    ),
  };
}

function plainPart(result: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(result).filter(([, value]) => ["boolean", "string"].includes(typeof value)));
}

function readFacts(seen: Trimmed): Facts {
  const facts: Record<string, Fact> = { ...seen.versions };
  for (const [version, names] of Object.entries(seen.suites))
    // It enumerates suites of SSL 2.0, which are not numbered as the others are.
    if (names.length > 0 && version !== "SSLv2") facts[`suites ${version}`] = names.map(nameOfSuite);
  if (seen.curves !== null) facts["groups"] = seen.curves.map((name) => curveNames[name] ?? name);
  facts["certificates"] = seen.certificates.map(certificateText);
  const take = (fact: string, result: string, field: string, read = (value: unknown): Fact => value === true): void => {
    const value = seen.results[result]?.[field];
    if (value !== undefined) facts[fact] = read(value);
  };
  take("compression", "tls_compression", "supports_compression");
  take("early data", "tls_1_3_early_data", "supports_early_data");
  take("flaw ccs-injection", "openssl_ccs_injection", "is_vulnerable_to_ccs_injection");
  take("fallbackScsv", "tls_fallback_scsv", "supports_fallback_scsv");
  take("flaw heartbleed", "heartbleed", "is_vulnerable_to_heartbleed");
  take("flaw robot", "robot", "robot_result", (value) => String(value).startsWith("VULNERABLE"));
  take("secureRenegotiation", "session_renegotiation", "supports_secure_renegotiation");
  take("clientRenegotiation", "session_renegotiation", "is_vulnerable_to_client_renegotiation_dos");
  take("extendedMasterSecret", "tls_extended_master_secret", "supports_ems_extension");
  const resumption = (value: unknown): Fact => value === "FULLY_SUPPORTED";
  take("resumption sessionId", "session_resumption", "session_id_resumption_result", resumption);
  take("resumption ticket", "session_resumption", "tls_ticket_resumption_result", resumption);
  return facts;
}

const curveNames: Readonly<Record<string, string>> = {
  secp256r1: "P-256",
  prime256v1: "P-256",
  secp384r1: "P-384",
  secp521r1: "P-521",
};

/** By number, as names of old suites differ. */
function nameOfSuite(name: string): string {
  const found = suites.find((suite) => suite.name === name);
  return found === undefined ? name : suiteName(found.id);
}

function certificateText(pem: string): string {
  const certificate = new X509Certificate(pem);
  const { modulusLength, namedCurve } = certificate.publicKey.asymmetricKeyDetails ?? {};
  const isRsa = certificate.publicKey.asymmetricKeyType === "rsa";
  const names = (certificate.subjectAltName ?? "").replaceAll(/(?:DNS|IP Address):/g, "").replaceAll(", ", ",");
  const bits = modulusLength ?? Number(/\d{3}/.exec(namedCurve ?? "")?.[0]);
  return `${isRsa ? "RSA" : "EC"} ${bits} ${isRsa ? "sha256WithRSAEncryption" : "ecdsaWithSHA256"} ${names}`;
}
