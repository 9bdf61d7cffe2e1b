import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { ForgeError, type Span } from "../errors.ts";
import type { Report } from "../grade/index.ts";
import { isGrade, meets } from "../grade/light.ts";
import { observe, type Observations, type ObserveOptions } from "../probe/index.ts";
import type { Context } from "./context.ts";
import { written } from "./targets.ts";

/** The rulebook whose grade `--min-grade` is compared with. */
export const gradingRulebook = "ssllabs-2009r";

/** What is looked at, and which anchors are trusted besides the system's. `authority` is our own CA (PEM). */
export interface LookRequest {
  readonly host: string;
  readonly port: number;
  readonly serverName?: string;
  readonly ca?: readonly string[];
  readonly authority?: string | null;
  readonly address?: string;
  /** How connections are made, and how many. */
  readonly reach?: Reach;
  /** Receives what was observed before it is judged. */
  readonly keep?: (observations: Observations) => void;
}

/** Ways, families and limits of connections. */
export type Reach = Partial<
  Pick<
    ObserveOptions,
    "startTls" | "proxy" | "family" | "gentle" | "pace" | "budget" | "totalMs" | "timeoutMs" | "recorder" | "systemCas"
  >
>;

/** Looks at a target and judges what was seen. Throws `unreachable` and `interrupted`. */
export async function look(context: Pick<Context, "signal">, request: LookRequest): Promise<Report> {
  const { host, port, serverName, address, ca = [], authority, reach = {}, keep } = request;
  const observing = observe(
    {
      host,
      port,
      ...(serverName === undefined ? {} : { serverName }),
      ...(address === undefined ? {} : { address }),
    },
    {
      ...reach,
      ca,
      ...(authority === undefined || authority === null ? {} : { localCa: authority }),
      signal: context.signal,
      now: new Date(),
      random: (length) => randomBytes(length),
    },
  );
  // What judges and shows is loaded while the network is waited for.
  const [observations, { judge }] = await Promise.all([
    observing,
    import("../grade/index.ts"),
    import("../report/index.ts"),
  ]);
  keep?.(observations);
  return judge(observations);
}

/** Whether a report reaches a grade: an error to throw or to tell, or null when it does. Unknown is never a pass. */
export function gradeProblem(
  report: Report,
  request: {
    readonly minGrade: string | null;
    /** Where a site file wants it. */
    readonly minGradeSpan?: Span | undefined;
    readonly ignoreTrust: boolean;
  },
): ForgeError | null {
  const result = report.grades[gradingRulebook];
  const grade = (request.ignoreTrust ? result?.gradeTrustIgnored : result?.grade) ?? null;
  const wanted = request.minGrade;
  if (grade !== null && wanted !== null && !(isGrade(wanted) && meets(grade, wanted) === true)) {
    const caps = [...(result?.caps ?? []), ...(result?.warnings ?? [])].map((cap) => `${cap.grade}: ${cap.reason}`);
    const span = request.minGradeSpan;
    const whose = span === undefined ? "" : ` (verify.min-grade in ${span.file}:${span.line})`;
    const message = `${written(report.target)} is graded ${grade}, below the wanted ${wanted}${whose}`;
    return new ForgeError("grade-low", message, {
      ...(span === undefined ? {} : { span }),
      details: caps,
      hint: `see the findings of the report${span === undefined ? "" : "; --min-grade wants another grade for one run"}`,
    });
  }
  // A letter that distrust alone decides says nothing of the rest: what was not seen there is no pass.
  if (grade !== null && (result?.gradeTrustIgnored ?? null) !== null) return null;
  const shared = sharedReason(report);
  return new ForgeError("incomplete", `the grade of ${written(report.target)} cannot be said`, {
    details: shared ?? result?.incomplete ?? [],
    // Only where it is certain that no anchor fits does one more help.
    hint: `${hintFor(shared?.[0] ?? "", written(report.target))}${grade === null ? "" : "; an authority of your own is named with --ca FILE"}`,
  });
}

/** What to do, by the reason why nothing is known. */
function hintFor(reason: string, target: string): string {
  const greeting = /greets in plain text \((\w+)( or FTP)?\)/.exec(reason);
  if (greeting?.[1] !== undefined)
    return `begin TLS in its own protocol: tlsforge verify ${target} --starttls ${greeting[1].toLowerCase()}${greeting[2] === undefined ? "" : " (or ftp)"}`;
  if (reason.includes("plain HTTP")) return "the port speaks plain HTTP: name the one that speaks TLS, usually 443";
  if (reason.includes("speaks SSH")) return "SSH is not TLS: name a port that speaks TLS";
  if (reason.startsWith("no handshake was ever completed: every hello was refused"))
    return "check whether it wants another name (--server-name NAME) or lets this machine in, then verify again";
  return "look at what was unknown above, then verify again";
}

/** The one reason why nothing is known of a target, when every look at a protocol failed with it; else null. */
function sharedReason({ observations }: Report): readonly string[] | null {
  const reasons = new Set(
    Object.values(observations.protocols).map((seen) => (seen.state === "failed" ? seen.why : null)),
  );
  const [reason] = reasons;
  return reasons.size === 1 && reason !== undefined && reason !== null ? [reason] : null;
}

/** Writes a report as JSON and as HTML into a folder; gives the paths. */
export async function writeReport(
  report: Report,
  folder: string,
): Promise<{ readonly json: string; readonly html: string }> {
  const [{ atomicWrite }, { toHtml, toJson }] = await Promise.all([
    import("../store/index.ts"),
    import("../report/index.ts"),
  ]);
  await mkdir(folder, { recursive: true });
  const json = path.join(folder, "report.json");
  const html = path.join(folder, "report.html");
  await atomicWrite(json, toJson(report));
  await atomicWrite(html, toHtml(report));
  return { json, html };
}

/** A report for the terminal. */
export async function reportText(context: Pick<Context, "options" | "columns">, report: Report): Promise<string> {
  const { toText } = await import("../report/index.ts");
  return toText(report, { colour: context.options.colour, width: context.columns });
}
