import { z } from "zod";
import type { Advisory, Affected, Range, RangeEvent } from "./types.ts";

const event = z.looseObject({
  introduced: z.string().optional(),
  fixed: z.string().optional(),
  last_affected: z.string().optional(),
  limit: z.string().optional(),
});

const affected = z.looseObject({
  package: z.looseObject({ ecosystem: z.string().min(1), name: z.string().min(1) }).optional(),
  ranges: z
    .array(
      z.looseObject({
        type: z.enum(["SEMVER", "ECOSYSTEM", "GIT"]),
        repo: z.string().optional(),
        events: z.array(event).min(1),
      }),
    )
    .nullish(),
  versions: z.array(z.string()).nullish(),
  severity: z.array(z.looseObject({ type: z.string(), score: z.string() })).nullish(),
});

/** The parts of a record of the Open Source Vulnerability format (https://ossf.github.io/osv-schema/, 1.7) that a judgement needs. */
export const osvSchema = z.looseObject({
  id: z.string().min(1),
  modified: z.string().min(1),
  schema_version: z.string().optional(),
  withdrawn: z.string().nullish(),
  aliases: z.array(z.string()).nullish(),
  summary: z.string().nullish(),
  details: z.string().nullish(),
  severity: z.array(z.looseObject({ type: z.string(), score: z.string() })).nullish(),
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

/** `limit` only bounds a look through commits; a version range ends with `fixed` or `last_affected`. */
function toEvents({ introduced, fixed, last_affected: last }: z.output<typeof event>): RangeEvent[] {
  return [
    ...(introduced === undefined ? [] : [{ kind: "introduced" as const, version: introduced }]),
    ...(fixed === undefined ? [] : [{ kind: "fixed" as const, version: fixed }]),
    ...(last === undefined ? [] : [{ kind: "last" as const, version: last }]),
  ];
}

/** The first line of a text, cut where it is longer than a line of a terminal bears. */
export function firstLine(text: string): string {
  const line = text.trim().split("\n")[0] ?? "";
  return line.length > 160 ? `${line.slice(0, 157)}...` : line;
}
