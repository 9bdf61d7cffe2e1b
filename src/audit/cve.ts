import { z } from "zod";
import { firstLine, identifier, plain } from "./text.ts";
import type { Advisory, Affected, Range } from "./types.ts";

const status = z.enum(["affected", "unaffected", "unknown"]);

const versionEntry = z.looseObject({
  version: plain,
  status,
  versionType: plain.optional(),
  lessThan: plain.optional(),
  lessThanOrEqual: plain.optional(),
  changes: z.array(z.looseObject({ at: plain, status })).optional(),
});

const product = z.looseObject({
  vendor: plain.optional(),
  product: plain.optional(),
  packageName: plain.optional(),
  repo: plain.optional(),
  defaultStatus: status.optional(),
  versions: z.array(versionEntry).optional(),
});

/** The parts of a CVE record (https://www.cve.org, JSON 5) that a judgement needs: what OpenSSL and Python publish their advisories as. */
export const cveSchema = z.looseObject({
  dataType: z.literal("CVE_RECORD"),
  dataVersion: z.string().regex(/^5\./, { error: "a version 5" }),
  cveMetadata: z.looseObject({ cveId: identifier, state: z.enum(["PUBLISHED", "REJECTED", "RESERVED"]) }),
  containers: z.looseObject({
    cna: z.looseObject({
      title: z.string().optional(),
      descriptions: z.array(z.looseObject({ value: z.string() })).optional(),
      affected: z.array(product).optional(),
      metrics: z.array(z.looseObject({})).optional(),
    }),
  }),
});

/** A CVE record as an advisory. A version that no entry names has the default status, which is unknown when none is given. */
export function fromCve({ cveMetadata, containers: { cna } }: z.output<typeof cveSchema>): Advisory {
  return {
    id: cveMetadata.cveId,
    aliases: [],
    summary: firstLine(cna.title ?? cna.descriptions?.[0]?.value ?? ""),
    severity: severityOf(cna.metrics ?? []),
    withdrawn: cveMetadata.state !== "PUBLISHED",
    affected: (cna.affected ?? []).map(toAffected),
  };
}

function toAffected(entry: z.output<typeof product>): Affected {
  const name = entry.product ?? entry.packageName;
  return {
    package: null,
    product: entry.vendor === undefined || name === undefined ? null : { vendor: entry.vendor, product: name },
    repositories: entry.repo === undefined ? [] : [entry.repo],
    versions: [],
    ranges: (entry.versions ?? []).flatMap(toRanges),
    otherwise: entry.defaultStatus ?? "unknown",
  };
}

/** One entry of `versions`: a single version, or a stretch in which `changes` may alter the status. */
function toRanges(entry: z.output<typeof versionEntry>): Range[] {
  const scheme = entry.versionType === "git" ? "commits" : "own";
  const { lessThan, lessThanOrEqual, changes = [] } = entry;
  const single = lessThan === undefined && lessThanOrEqual === undefined;
  const first = entry.version === "*" || entry.version === "unspecified" ? "0" : entry.version;
  const end = { before: lessThan, last: single && entry.version !== "*" ? entry.version : lessThanOrEqual };
  const starts = [{ at: first, status: entry.status }, ...changes];
  return starts.map(({ at, status: held }, index): Range => {
    const next = starts[index + 1];
    const stop = next === undefined ? end : { before: next.at, last: undefined };
    return {
      scheme,
      status: held,
      events: [
        { kind: "introduced", version: at },
        ...(stop.before === undefined || stop.before === "*" ? [] : [{ kind: "fixed" as const, version: stop.before }]),
        ...(stop.last === undefined || stop.last === "*" ? [] : [{ kind: "last" as const, version: stop.last }]),
      ],
    };
  });
}

/** OpenSSL's own word (`other.content.text`), else CVSS's. */
function severityOf(metrics: readonly Readonly<Record<string, unknown>>[]): string | null {
  for (const metric of metrics) {
    for (const value of Object.values(metric)) {
      const found = z
        .union([
          z.looseObject({ content: z.looseObject({ text: z.string() }) }).transform(({ content }) => content.text),
          z.looseObject({ baseSeverity: z.string() }).transform(({ baseSeverity }) => baseSeverity.toLowerCase()),
        ])
        .safeParse(value);
      if (found.success) return found.data;
    }
  }
  return null;
}
