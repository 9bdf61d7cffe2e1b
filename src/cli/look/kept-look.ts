/** Looks that a file keeps: recordings, reports, and the records of commands that hold a report. */
import { readFile, stat } from "node:fs/promises";
import { ForgeError } from "../../errors.ts";
import type { ComparedReport, Report, RulebookResult } from "../../grade/index.ts";
import type { Observations } from "../../probe/index.ts";

/** A recording with the most that one keeps is not half as large. */
const largest = 2 ** 28;

const hints = {
  recording: "name a file that tlsforge verify --record wrote",
  look: "name a report, a record of tlsforge verify --json, or a recording of verify --record",
} as const;

/** Judges a recording of `verify --record`. Throws `usage` for what is none. */
export async function judgeRecording(file: string): Promise<Report> {
  const text = await textOf(file, { what: "the recording", hint: hints.recording });
  return judgeText(text, file);
}

/**
 * Judges a file that keeps a look, by the rules of this version, with what a report said when it was made. Throws `usage` for what is none, and for a newer
 * schema.
 */
export async function judgeKept(file: string): Promise<Omit<ComparedReport, "name">> {
  const text = await textOf(file, { what: "the report", hint: hints.look });
  const found = documentOf(text, file);
  if (schemaOf(found).startsWith("tlsforge.recording/")) return { report: await judgeText(text, file) };
  const report = reportIn(found, file);
  const { time, target, connections, bytesSent, bytesReceived, seconds, observations, trialFor, aaa, grades } = report;
  if (!isRecord(observations)) throw noReport(file, "it has no observations");
  const { fitted } = await import("../../probe/index.ts");
  const schema = "tlsforge.observations/1";
  const seen = fitted(
    { ...observations, schema, time, target, connections, bytesSent, bytesReceived, seconds },
    { of: "report", refuse: (why) => noReport(file, why) },
  );
  const judged = await judgeSeen(seen, () => noReport(file, "its observations are not what tlsforge reports"));
  return {
    report: typeof trialFor === "string" ? { ...judged, trialFor } : judged,
    recorded: { aaa: typeof aaa === "boolean" ? aaa : null, grades: valuesOf(grades) },
  };
}

async function judgeText(text: string, file: string): Promise<Report> {
  const { readRecording } = await import("../../probe/index.ts");
  return judgeSeen(
    readRecording(text, file),
    (cause) =>
      new ForgeError("usage", `${file} cannot be judged: its observations are not what tlsforge records`, {
        cause,
        hint: hints.recording,
      }),
  );
}

/** Only a file that was made up has observations of the right kinds with the wrong contents. */
async function judgeSeen(observations: Observations, refuse: (cause: unknown) => ForgeError): Promise<Report> {
  const { judge } = await import("../../grade/index.ts");
  try {
    return judge(observations);
  } catch (error) {
    throw error instanceof TypeError ? refuse(error) : error;
  }
}

async function textOf(file: string, of: { readonly what: string; readonly hint: string }): Promise<string> {
  const refuse = (why: string, cause?: unknown): ForgeError =>
    new ForgeError("usage", `${of.what} cannot be read: ${file} (${why})`, { hint: of.hint, cause });
  const unreadable = (error: unknown): never => {
    throw refuse((error as NodeJS.ErrnoException).code ?? "unknown", error);
  };
  const facts = await stat(file).catch(unreadable);
  if (!facts.isFile()) throw refuse("it is no regular file");
  if (facts.size > largest) throw refuse(`it is larger than any recording`);
  return readFile(file, "utf8").catch(unreadable);
}

function documentOf(text: string, file: string): Record<string, unknown> {
  const found = parsed(text);
  if (isRecord(found)) return found;
  const [first = ""] = text.split("\n", 1);
  if (schemaOf(parsed(first)).startsWith("tlsforge.result/"))
    throw noReport(file, "it has several records, one a line", "put one of the lines into a file of its own");
  throw noReport(file, /^\s*\{\s*"schema"\s*:\s*"tlsforge\./.test(text) ? "it ends too early or is damaged" : none);
}

const none = "it is no report of tlsforge";

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function schemaOf(found: unknown): string {
  return isRecord(found) && typeof found["schema"] === "string" ? found["schema"] : "";
}

/** The report itself, or the one that a record holds. */
function reportIn(found: Record<string, unknown>, file: string): Record<string, unknown> {
  const [, kind, version] = /^tlsforge\.(report|result)\/(\d+)$/.exec(schemaOf(found)) ?? [];
  if (kind === undefined) {
    const name = schemaOf(found);
    throw noReport(file, name.startsWith("tlsforge.") ? `it holds ${name.slice(0, 60)}, not a report` : none);
  }
  if (version !== "1")
    throw noReport(
      file,
      `its schema is ${schemaOf(found)}, and this tlsforge knows tlsforge.${kind}/1`,
      "compare it with a newer tlsforge",
    );
  if (kind === "report") return found;
  const { report, command } = found;
  if (isRecord(report)) return reportIn(report, file);
  throw noReport(file, `it is the record of tlsforge ${String(command).slice(0, 60)}, and holds no report`);
}

function noReport(file: string, why: string, hint: string = hints.look): ForgeError {
  return new ForgeError("usage", `${file} cannot be compared: ${why}`, { hint });
}

/** Letters and levels alone: nothing else of what was judged then is shown. */
function valuesOf(grades: unknown): Report["grades"] {
  const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
  return Object.fromEntries(
    Object.entries(isRecord(grades) ? grades : {}).flatMap(([id, result]): [string, RulebookResult][] => {
      if (!isRecord(result)) return [];
      if ("level" in result) return [[id, { level: text(result["level"]), limits: [], profiles: {}, incomplete: [] }]];
      const { grade, gradeTrustIgnored } = result;
      const letters = { grade: text(grade), gradeTrustIgnored: text(gradeTrustIgnored) };
      const nothingElse = {
        bounds: null,
        boundsTrustIgnored: null,
        scores: null,
        caps: [],
        warnings: [],
        incomplete: [],
      };
      return [[id, { ...letters, ...nothingElse }]];
    }),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
