import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { describe, expect, test } from "vitest";
import schema from "../../../schema/result.schema.json" with { type: "json" };
import { exitCodeFor, ForgeError } from "../../../src/errors.ts";
import type { ErrorCode } from "../../../src/errors.ts";
import { compare } from "../../../src/grade/index.ts";
import { bad, best, good, hostile } from "./reports.ts";

const ajv = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false, allErrors: true });
formats.default(ajv);
const validate = ajv.compile(schema);

function problems(record: unknown): readonly string[] {
  return validate(record)
    ? []
    : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

const done = (command: string, fields: object) => ({
  schema: "tlsforge.result/1",
  command,
  outcome: "done",
  exitCode: 0,
  ...fields,
});
const error = { code: "grade-low", message: "grade B is below A+", hint: "see the caps" };
const failed = (command: string, fields: object) => ({
  ...done(command, fields),
  outcome: "failed",
  exitCode: 1,
  error,
});

const key = "0f".repeat(32);
const build = {
  recipe: "openssl",
  version: "3.5.7",
  key,
  cached: false,
  location: "mirror",
  wallSeconds: 120.5,
  cpuSeconds: 210,
};
const change = { id: "loader-path:tlsforge", action: "create", current: null, desired: "/opt/tlsforge/lib" };
const certificate = { names: ["localhost"], notAfter: "2026-05-01T00:00:00Z", staple: null };
const server = { pid: 4711, workers: [4712], listen: ["127.0.0.1:8443"], generation: 1, certificates: [certificate] };
const standingBy = { pid: 4711, generation: 1, until: "2026-05-01T00:00:00Z" };
const undone = { id: "unit:tlsforge", outcome: "undone", detail: "a -> nothing" };
const uninstalled = { prefix: "/opt/tlsforge", dryRun: false, undone: [undone], foreign: ["notes"] };
const provision = { generation: 1, prefix: "/opt/tlsforge", builds: [build], host: [change], server, report: good };

const unchecked = { outcome: "untestable", why: "the caches have none" };
const source = {
  recipe: "openssl",
  version: "3.5.7",
  name: "openssl",
  file: "openssl-3.5.7.tar.gz",
  sha256: key,
  cached: "/root/.cache/tlsforge/sources/0f",
  origin: "https://example.org/openssl-3.5.7.tar.gz",
  signers: ["openssl (BA5473A2B0587B07FB27CF2D216094DFD0CB81EF)"],
  required: true,
  signature: {
    outcome: "observed",
    kind: "openpgp",
    signer: "openssl",
    key: "BA5473A2B0587B07FB27CF2D216094DFD0CB81EF",
    made: "2026-06-09T11:57:19.000Z",
    pinned: true,
    from: "cache",
    notes: ["the key has expired since"],
  },
  built: { sha256: key, location: "cache", origin: null, verified: true },
};

const comparison = compare({ name: "a.json", report: good }, { name: "b.example:443", report: bad });
const compared = compare(
  { name: "a.json", report: { ...hostile, trialFor: "127.0.0.1:8443" }, recorded: best },
  { name: "b.json", report: best },
);
/** The same with a change in its first difference. */
const withWorth = (changes: object): object => ({
  comparison: { ...comparison, worth: [{ ...comparison.worth[0], ...changes }] },
});

const valid: readonly (readonly [string, object])[] = [
  ["provision", done("provision", provision)],
  ["provision, unchanged", { ...done("provision", { ...provision, builds: [], host: [] }), outcome: "unchanged" }],
  ["provision, failed early", failed("provision", {})],
  ["provision, failed by its grade", failed("provision", { ...provision, report: bad })],
  ["build", done("build", { generation: 2, prefix: "/opt/tlsforge", builds: [{ ...build, cached: true }] })],
  ...["launch", "reload", "status"].map((command) => [command, done(command, { server })] as const),
  [
    "status, with certificates that tell all of themselves",
    done("status", {
      server: {
        ...server,
        certificates: [
          { ...certificate, staple: "none: no answer", renewAfter: "2026-04-01T00:00:00Z", notes: ["put in order"] },
        ],
      },
      warnings: ["due"],
    }),
  ],
  ["stop", done("stop", { server: null })],
  ["status, not serving", failed("status", { server: null })],
  ["status, with who stands by", done("status", { server: { ...server, standingBy } })],
  [
    "status, of one that never ends",
    done("status", { server: { ...server, standingBy: { ...standingBy, until: null } } }),
  ],
  ["status, nobody stands by", done("status", { server: { ...server, standingBy: null } })],
  ["uninstall", done("uninstall", uninstalled)],
  [
    "uninstall, looked at first",
    done("uninstall", { ...uninstalled, dryRun: true, undone: [{ ...undone, outcome: "would-undo" }] }),
  ],
  ["uninstall, with what stands", failed("uninstall", { ...uninstalled, undone: [{ ...undone, outcome: "stands" }] })],
  ["uninstall, failed early", failed("uninstall", {})],
  [
    "plan",
    done("plan", {
      builds: [{ recipe: "openssl", version: "3.5.7", key, action: "build", why: "nothing is there yet" }],
      host: [change],
      server: { action: "relaunch", why: "its configuration changes: listen" },
    }),
  ],
  [
    "plan --exit-code",
    { ...done("plan", { builds: [], host: [{ ...change, origin: "default", why: "wanted" }] }), exitCode: 10 },
  ],
  ["verify", done("verify", { report: good })],
  ["verify, AAA", done("verify", { report: best })],
  ["verify, bad", failed("verify", { report: bad })],
  [
    "verify, other answers of protocols",
    done("verify", {
      report: withProtocols({
        SSLv2: { offered: false, answer: "reset" },
        "TLSv1.1": { offered: false, answer: "other-version", version: "TLSv1.0" },
      }),
    }),
  ],
  ["verify, hostile", { ...failed("verify", { report: hostile }), exitCode: 3 }],
  ["verify, one of several", done("verify", { target: "example.org:443", report: good })],
  ["grade", done("grade", { report: good })],
  ["compare", done("compare", { comparison })],
  ["compare, hostile", done("compare", { comparison: compared })],
  ["compare --exit-code", { ...done("compare", { comparison }), exitCode: 10 }],
  ["compare, incomplete", { ...failed("compare", { comparison }), exitCode: 3 }],
  ["compare, failed early", { ...failed("compare", {}), exitCode: 2 }],
  ["verify, summary", done("verify", { summary: { done: 3, failed: 0, unreachable: 0, incomplete: 0 } })],
  [
    "verify, unreachable",
    { ...failed("verify", {}), exitCode: 3, error: { code: "unreachable", message: "no answer", hint: null } },
  ],
  [
    "generations",
    done("generations", {
      generations: [{ generation: 1, current: true, stack: "twisted", created: "2026-02-01T12:00:00Z" }],
    }),
  ],
  ["rollback", done("rollback", { generation: 1, previous: 2, server })],
  [
    "gc",
    done("gc", {
      removed: [{ kind: "output", path: "/opt/tlsforge/store/x", why: "no generation needs it", bytes: 12 }],
      kept: [],
    }),
  ],
  ["recipe lint", done("recipe lint", { files: ["recipes/openssl/recipe.yaml"], problems: [] })],
  [
    "recipe lint, failed",
    failed("recipe lint", {
      files: ["a.yaml"],
      problems: [{ code: "recipe-invalid", message: "unknown key", hint: null, file: "a.yaml", line: 3, column: 1 }],
    }),
  ],
  [
    "sources",
    done("sources", {
      prefix: "/opt/tlsforge",
      sources: [source, { ...source, built: null, cached: null, signature: unchecked }],
    }),
  ],
  [
    "sources, one of them wrong",
    {
      ...failed("sources", {
        prefix: "/opt/tlsforge",
        sources: [{ ...source, signature: { ...unchecked, outcome: "failed" } }],
      }),
    },
  ],
  [
    "doctor",
    done("doctor", { checks: [{ id: "one-openssl", outcome: "pass", message: "one libssl is mapped", fix: null }] }),
  ],
  ["any command, failed by its use", { ...failed("log", {}), exitCode: 2, error: { ...error, code: "usage" } }],
];

const invalid: readonly (readonly [string, object])[] = [
  ["another schema", { ...done("stop", { server: null }), schema: "tlsforge.result/2" }],
  ["unknown command", done("provison", provision)],
  ["unknown key at the top", done("stop", { server: null, sever: null })],
  ["another command's key", done("stop", { server: null, report: good })],
  ["done without what it did", done("provision", { generation: 1 })],
  ["verify with nothing", done("verify", {})],
  ["failed without error", { ...failed("stop", { server: null }), error: undefined }],
  ["failed with exit code 0", { ...failed("stop", { server: null }), exitCode: 0 }],
  ["done with an error", done("stop", { server: null, error })],
  ["done with exit code 1", { ...done("stop", { server: null }), exitCode: 1 }],
  ["exit code 10 of another command than plan", { ...done("stop", { server: null }), exitCode: 10 }],
  ["error code outside the list", { ...failed("stop", {}), error: { ...error, code: "oops" } }],
  ["error without hint", { ...failed("stop", {}), error: { code: "usage", message: "no" } }],
  ["build with a short key", done("build", { generation: 1, prefix: "/p", builds: [{ ...build, key: "0f" }] })],
  ["build with an unknown key", done("build", { generation: 1, prefix: "/p", builds: [{ ...build, speed: 1 }] })],
  ["server action outside the list", done("plan", { builds: [], host: [], server: { action: "stop", why: "x" } })],
  ["server action without a reason", done("plan", { builds: [], host: [], server: { action: "launch" } })],
  ["host action outside the list", done("plan", { builds: [], host: [{ ...change, action: "replace" }] })],
  ["server without generation", done("launch", { server: { ...server, generation: undefined } })],
  ["who stands by without its end", done("status", { server: { ...server, standingBy: { pid: 1, generation: 1 } } })],
  ["who stands by with more", done("status", { server: { ...server, standingBy: { ...standingBy, role: "trial" } } })],
  ["uninstall without what it did", done("uninstall", { prefix: "/opt/tlsforge" })],
  [
    "uninstall of a thing with another outcome",
    done("uninstall", { ...uninstalled, undone: [{ ...undone, outcome: "kept" }] }),
  ],
  [
    "uninstall of a thing without a word",
    done("uninstall", { ...uninstalled, undone: [{ id: "x", outcome: "undone" }] }),
  ],
  ["uninstall with a generation", done("uninstall", { ...uninstalled, generation: 1 })],
  ["unknown grade", done("verify", { report: withGrade({ grade: "S" }) })],
  ["bounds that are no grades", done("verify", { report: withGrade({ bounds: { best: "A+", worst: "?" } }) })],
  ["bounds of one side", done("verify", { report: withGrade({ boundsTrustIgnored: { best: "A+" } }) })],
  ["no grade and nothing incomplete", done("verify", { report: withGrade({ grade: null }) })],
  ["all grades and something incomplete", done("verify", { report: withGrade({ incomplete: ["http"] }) })],
  [
    "score above 100",
    done("verify", { report: withGrade({ scores: { protocol: 101, keyExchange: 90, cipher: 90, total: 93 } }) }),
  ],
  [
    "rulebook that is none",
    done("verify", { report: { ...good, grades: { "ssllabs-2009": good.grades["ssllabs-2009r"] } } }),
  ],
  ["level that the rulebook has not", done("verify", { report: withLevel("mozilla-6.0", { level: "old" }) })],
  ["level of another rulebook", done("verify", { report: withLevel("ncsc-nl-2025", { level: "modern" }) })],
  ["letters where levels belong", done("verify", { report: withLevel("ncsc-nl-2025", { grade: "A" }) })],
  ["no level and nothing incomplete", done("verify", { report: withLevel("mozilla-6.0", { level: null }) })],
  ["a level and something incomplete", done("verify", { report: withLevel("mozilla-6.0", { incomplete: ["hsts"] }) })],
  ["a profile that Mozilla has not", done("verify", { report: withLevel("mozilla-6.0", { profiles: { old: true } }) })],
  [
    "a limit without its finding",
    done("verify", { report: withLevel("ncsc-nl-2025", { limits: [{ level: "good" }] }) }),
  ],
  ["compare without its comparison", done("compare", {})],
  ["compare with a report", done("compare", { comparison, report: good })],
  ["comparison of one side", done("compare", { comparison: { ...comparison, b: undefined } })],
  [
    "verdict outside the list",
    done("compare", {
      comparison: {
        ...comparison,
        rulebooks: [
          { rulebook: "aaa", a: { value: "no", total: null }, b: { value: "yes", total: null }, verdict: "good" },
        ],
      },
    }),
  ],
  ["difference without what it is worth", done("compare", withWorth({ alone: undefined }))],
  [
    "difference that moves to no grade",
    done(
      "compare",
      withWorth({
        alone: [
          { rulebook: "aaa", from: { value: "no", total: null }, to: { value: "S", total: null }, verdict: "better" },
        ],
      }),
    ),
  ],
  [
    "finding that is the same",
    done("compare", { comparison: { ...comparison, findings: [{ ...comparison.findings[0], verdict: "same" }] } }),
  ],
  ["AAA that is no truth value", done("verify", { report: { ...good, aaa: "yes" } })],
  [
    "finding with an unknown outcome",
    done("verify", { report: { ...good, findings: [{ ...good.findings[0], outcome: "skipped" }] } }),
  ],
  [
    "finding without reference",
    done("verify", { report: { ...good, findings: [{ ...good.findings[0], reference: undefined }] } }),
  ],
  ["unknown key in the report", done("verify", { report: { ...good, verdict: "fine" } })],
  [
    "observation without a reason",
    done("verify", { report: { ...good, observations: { ...good.observations, compression: { state: "failed" } } } }),
  ],
  [
    "observation missing",
    done("verify", { report: { ...good, observations: { ...good.observations, protocols: undefined } } }),
  ],
  ["refusal without its answer", done("verify", { report: withProtocols({ SSLv2: { offered: false } }) })],
  ["protocol missing", done("verify", { report: { ...good, observations: { ...good.observations, protocols: {} } } })],
];

function withProtocols(changes: Readonly<Record<string, object>>): object {
  const seen = Object.entries(changes).map(([name, value]) => [name, { state: "observed", value }]);
  const protocols = { ...good.observations.protocols, ...Object.fromEntries(seen) };
  return { ...good, observations: { ...good.observations, protocols } };
}

function withLevel(id: string, changes: object): object {
  return { ...good, grades: { ...good.grades, [id]: { ...good.grades[id], ...changes } } };
}

function withGrade(changes: object): object {
  return { ...good, grades: { "ssllabs-2009r": { ...good.grades["ssllabs-2009r"], ...changes } } };
}

/** As it goes over the wire: undefined keys are gone. */
const sent = (record: object): unknown => JSON.parse(JSON.stringify(record));

describe("schema of results", () => {
  test.each(valid)("accepts %s", (_, record) => {
    expect(problems(sent(record))).toEqual([]);
  });

  test.each(invalid)("refuses %s", (_, record) => {
    expect(problems(sent(record))).not.toEqual([]);
  });

  test("its error codes are those of the errors, and `bug`", () => {
    // A record over all codes: the compiler refuses it when one is missing or too many.
    const codes: Readonly<Record<ErrorCode, true>> = {
      usage: true,
      "recipe-invalid": true,
      "site-invalid": true,
      "prefix-newer": true,
      "source-unavailable": true,
      "source-mismatch": true,
      "signature-wrong": true,
      "signature-missing": true,
      "archive-unsafe": true,
      "archive-broken": true,
      "requirement-missing": true,
      "patch-failed": true,
      "build-failed": true,
      "gate-failed": true,
      "sandbox-missing": true,
      "prefix-unusable": true,
      "prefix-busy": true,
      "disk-full": true,
      "host-refused": true,
      "host-failed": true,
      "port-in-use": true,
      "certificate-failed": true,
      "server-failed": true,
      "not-serving": true,
      "not-found": true,
      "grade-low": true,
      vulnerable: true,
      "advisory-invalid": true,
      "check-failed": true,
      unreachable: true,
      incomplete: true,
      interrupted: true,
    };
    const names = Object.keys(codes) as ErrorCode[];
    expect(schema.$defs.error.properties.code.enum.toSorted()).toEqual([...names, "bug"].toSorted());
    const exits = new Set(names.map((code) => exitCodeFor(new ForgeError(code, "x"))));
    for (const exit of exits) expect(schema.properties.exitCode.enum).toContain(exit);
  });
});
