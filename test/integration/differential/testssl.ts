import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { execa } from "execa";

import { suiteName, type Fact, type Facts } from "../../tools/fleet/facts.ts";
import { which } from "../../tools/needs.ts";
import type { Peer } from "./peers.ts";

interface Finding {
  readonly id: string;
  readonly finding: string;
}

/** testssl.sh 3.0, by its flat JSON. */
export const testssl: Peer = {
  name: "testssl",
  file: "json",
  program: () => which("testssl"),
  async run(port) {
    const folder = await mkdtemp(join(tmpdir(), "testssl-"));
    try {
      const file = join(folder, "result.json");
      const argv = ["--quiet", "--color", "0", "--warnings", "off", "--ip", "127.0.0.1", "--nodns", "none"];
      const checks = ["-p", "-E", "-f", "-P", "-S", "-h", "-U"];
      const all = [...argv, ...checks, "--jsonfile", file, `https://localhost:${port}`];
      await execa(which("testssl") ?? "testssl", all, {
        timeout: 900_000,
        reject: false,
        stdin: "ignore",
        cwd: folder,
      });
      return await readFile(file, "utf8");
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
  trim: (output) =>
    (JSON.parse(output) as Finding[])
      .filter(({ id }) => wanted.test(id))
      .map(({ id, finding }) => `${JSON.stringify({ id, finding })}\n`)
      .join(""),
  facts: (text) =>
    readFacts(
      text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as Finding),
    ),
};

const versions: Readonly<Record<string, string>> = {
  SSLv2: "SSLv2",
  SSLv3: "SSLv3",
  TLS1: "TLSv1.0",
  TLS1_1: "TLSv1.1",
  TLS1_2: "TLSv1.2",
  TLS1_3: "TLSv1.3",
};

/** What is read from findings that say yes or no; null where the text says neither. */
const yesOrNo: Readonly<Record<string, { fact: string; yes: RegExp; no: RegExp }>> = {
  heartbleed: { fact: "flaw heartbleed", yes: /^VULNERABLE/, no: /^not vulnerable/ },
  CCS: { fact: "flaw ccs-injection", yes: /^VULNERABLE/, no: /^not vulnerable/ },
  ticketbleed: { fact: "flaw ticketbleed", yes: /^VULNERABLE/, no: /^not vulnerable/ },
  ROBOT: { fact: "flaw robot", yes: /^VULNERABLE/, no: /^not vulnerable/ },
  secure_renego: { fact: "secureRenegotiation", yes: /^supported/, no: /^(?:VULNERABLE|not supported)/ },
  secure_client_renego: { fact: "clientRenegotiation", yes: /^VULNERABLE/, no: /^not vulnerable/ },
  CRIME_TLS: { fact: "compression", yes: /^VULNERABLE/, no: /^not vulnerable/ },
  HSTS: { fact: "HSTS", yes: /\d|^offered/, no: /^not offered/ },
  sessionresumption_ticket: { fact: "resumption ticket", yes: /^supported/, no: /^not supported/ },
  sessionresumption_ID: { fact: "resumption sessionId", yes: /^supported/, no: /^not supported/ },
  fallback_SCSV: { fact: "fallbackScsv", yes: /^supported/, no: /^NOT supported/ },
};

const wanted = new RegExp(
  `^(?:${[...Object.keys(versions), ...Object.keys(yesOrNo)].join("|")}|cipher-.*|cipher_order|FS_ECDHE_curves|PFS_ECDHE_curves|DH_groups|TLS_extensions|cert_(?:signatureAlgorithm|keySize|subjectAltName))(?: .*)?$`,
);

function readFacts(findings: readonly Finding[]): Facts {
  const facts: Record<string, Fact> = {};
  const groups: string[] = [];
  for (const { id, finding } of findings) {
    const version = versions[id];
    if (version !== undefined) facts[version] = !finding.includes("not offered");
    const rule = yesOrNo[id];
    if (rule?.yes.test(finding) === true) facts[rule.fact] = true;
    else if (rule?.no.test(finding) === true) facts[rule.fact] = false;
    addSuite(facts, id, finding);
    if (/^P?FS_ECDHE_curves/.test(id)) groups.push(...finding.split(/\s+/));
    if (id === "DH_groups") groups.push(...(finding.match(/ffdhe\d+/g) ?? []));
    if (id === "TLS_extensions") {
      facts["extendedMasterSecret"] = finding.includes("#23'");
      facts["encryptThenMac"] = finding.includes("#22'");
      facts["heartbeat"] = finding.includes("#15'");
    }
  }
  const named = groups.filter((name) => name !== "");
  if (named.length > 0) facts["groups"] = named.map((name) => curveNames[name] ?? name);
  const certificates = certificateTexts(findings);
  if (certificates.length > 0) facts["certificates"] = certificates;
  return facts;
}

/** `cipher-tls1_2_xc030` stands for a suite of TLS 1.2. */
function addSuite(facts: Record<string, Fact>, id: string, finding: string): void {
  const [, version = "", number = ""] = /^cipher-(\w+?)_x([0-9a-f]+)$/.exec(id) ?? [];
  const protocol = cipherVersions[version];
  if (protocol === undefined || /not a(?:vailable)?$/.test(finding)) return;
  const before = facts[`suites ${protocol}`];
  const names = typeof before === "object" ? before : [];
  facts[`suites ${protocol}`] = [...new Set([...names, suiteName(Number.parseInt(number, 16))])];
}

const cipherVersions: Readonly<Record<string, string>> = {
  ssl3: "SSLv3",
  tls1: "TLSv1.0",
  tls1_1: "TLSv1.1",
  tls1_2: "TLSv1.2",
  tls1_3: "TLSv1.3",
};

const curveNames: Readonly<Record<string, string>> = {
  prime256v1: "P-256",
  secp384r1: "P-384",
  secp521r1: "P-521",
};

function certificateTexts(findings: readonly Finding[]): string[] {
  const all = (name: string): string[] =>
    findings.filter(({ id }) => id === name || id.startsWith(`${name} `)).map(({ finding }) => finding);
  const [signatures, keys, names] = [
    all("cert_signatureAlgorithm"),
    all("cert_keySize"),
    all("cert_subjectAltName"),
  ] as const;
  return keys.map((key, index) => {
    const [, type = "", bits = ""] = /^(\w+) (\d+) bits/.exec(key) ?? [];
    const signature = signatures[index] === "SHA256 with RSA" ? "sha256WithRSAEncryption" : "ecdsaWithSHA256";
    return `${type === "RSA" ? "RSA" : "EC"} ${bits} ${signature} ${(names[index] ?? "").split(/\s+/).join(",")}`;
  });
}
