/** Records of the shapes that OSV and CVE publish, written for these tests. */
import { readAdvisories } from "../../../src/audit/read.ts";
import type { Advisory, Identity, Installed } from "../../../src/audit/types.ts";

type Events = readonly Readonly<Record<string, string>>[];

/** An OSV record about one package with one range. */
export function osv(affected: object, rest: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return {
    schema_version: "1.7.3",
    id: "TEST-2026-1",
    modified: "2026-11-01T00:00:00Z",
    summary: "a flaw of the tests",
    affected: [affected],
    ...rest,
  };
}

/** `affected` of a project of the Python index. */
export function pypi(name: string, events: Events, versions: readonly string[] = []): object {
  return { package: { ecosystem: "PyPI", name }, ranges: [{ type: "ECOSYSTEM", events }], versions };
}

/** A CVE record (JSON 5) about one product. */
export function cve(
  product: Readonly<Record<string, unknown>>,
  state = "PUBLISHED",
): Readonly<Record<string, unknown>> {
  return {
    dataType: "CVE_RECORD",
    dataVersion: "5.1",
    cveMetadata: { cveId: "CVE-2026-11111", assignerOrgId: "3a12439a-ef3a-4c79-92e6-6081a721f1e5", state },
    containers: {
      cna: {
        title: "a flaw of the tests",
        descriptions: [{ lang: "en", value: "Issue summary: nothing real" }],
        affected: [product],
        metrics: [{ other: { type: "https://example.org/policy", content: { text: "Moderate" } } }],
      },
    },
  };
}

export function advisory(record: object): Advisory {
  const [first] = readAdvisories(JSON.stringify(record), "record.json");
  if (first === undefined) throw new Error("no record");
  return first;
}

const opensslNames: Identity = {
  scheme: "openssl",
  packages: [{ ecosystem: "Bitnami", name: "openssl" }],
  repositories: ["https://github.com/openssl/openssl"],
  tags: ["openssl-{version}", "OpenSSL_{version_}"],
  products: [{ vendor: "OpenSSL", product: "OpenSSL" }],
};

export function openssl(version: string): Installed {
  return {
    name: "openssl",
    version,
    recipe: "openssl",
    role: "installed",
    locked: false,
    verified: true,
    identity: opensslNames,
  };
}

export function project(name: string, version: string, role: Installed["role"] = "installed"): Installed {
  return {
    name,
    version,
    recipe: "python-tls",
    role,
    locked: true,
    verified: true,
    identity: { scheme: "pep440", packages: [{ ecosystem: "PyPI", name }], repositories: [], tags: [], products: [] },
  };
}
