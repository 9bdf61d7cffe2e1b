import { z } from "zod";
import { firstLine, identifier, plain } from "./text.ts";
import type { Advisory, Affected, Range, RangeEvent } from "./types.ts";

const event = z.looseObject({
  introduced: plain.optional(),
  fixed: plain.optional(),
  last_affected: plain.optional(),
  limit: plain.optional(),
});

const affected = z.looseObject({
  package: z.looseObject({ ecosystem: plain.min(1), name: plain.min(1) }).optional(),
  ranges: z
    .array(
      z.looseObject({
        type: z.enum(["SEMVER", "ECOSYSTEM", "GIT"]),
        repo: z.string().optional(),
        events: z.array(event).min(1),
      }),
    )
    .nullish(),
  versions: z.array(plain).nullish(),
  severity: z.array(z.looseObject({ type: z.string(), score: plain })).nullish(),
});

/** The parts of a record of the Open Source Vulnerability format (https://ossf.github.io/osv-schema/, 1.7) that a judgement needs. */
export const osvSchema = z.looseObject({
  id: identifier,
  modified: z.string().min(1),
  schema_version: z.string().optional(),
  // Anything but a time would put an advisory out of force by a slip.
  withdrawn: z.iso.datetime({ offset: true }).nullish(),
  aliases: z.array(identifier).nullish(),
  summary: z.string().nullish(),
  details: z.string().nullish(),
  severity: z.array(z.looseObject({ type: z.string(), score: plain })).nullish(),
  affected: z.array(affected).nullish(),
});

/** An OSV record as an advisory. What is not enumerated and in no range is not affected: the format says so. */
export function fromOsv(record: z.output<typeof osvSchema>): Advisory {
  return {
    id: record.id,
    aliases: record.aliases ?? [],
    summary: firstLine(record.summary ?? record.details ?? ""),
    severity: record.severity?.[0]?.score ?? null,
    withdrawn: typeof record.withdrawn === "string",
    affected: (record.affected ?? []).map(toAffected),
  };
}

function toAffected(entry: z.output<typeof affected>): Affected {
  const ranges = entry.ranges ?? [];
  return {
    package: entry.package === undefined ? null : { ecosystem: entry.package.ecosystem, name: entry.package.name },
    product: null,
    repositories: ranges.flatMap(({ repo }) => repo ?? []),
    versions: entry.versions ?? [],
    ranges: ranges.map(({ type, events }): Range => ({
      scheme: type === "SEMVER" ? "semver" : type === "ECOSYSTEM" ? "own" : "commits",
      status: "affected",
      events: events.flatMap(toEvents),
    })),
    otherwise: "unaffected",
  };
}

function toEvents({ introduced, fixed, last_affected: last, limit }: z.output<typeof event>): RangeEvent[] {
  return [
    ...(introduced === undefined ? [] : [{ kind: "introduced" as const, version: introduced }]),
    ...(fixed === undefined ? [] : [{ kind: "fixed" as const, version: fixed }]),
    ...(last === undefined ? [] : [{ kind: "last" as const, version: last }]),
    ...(limit === undefined ? [] : [{ kind: "limit" as const, version: limit }]),
  ];
}
