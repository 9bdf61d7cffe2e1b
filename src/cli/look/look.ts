import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { Report } from "../../grade/index.ts";
import { observe, type Observations, type ObserveOptions } from "../../probe/index.ts";
import type { Context } from "../context.ts";

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
    import("../../grade/index.ts"),
    import("../../report/index.ts"),
  ]);
  keep?.(observations);
  return judge(observations);
}

/** Writes a report as JSON and as HTML into a folder; gives the paths. */
export async function writeReport(
  report: Report,
  folder: string,
): Promise<{ readonly json: string; readonly html: string }> {
  const [{ atomicWrite }, { toHtml, toJson }] = await Promise.all([
    import("../../store/index.ts"),
    import("../../report/index.ts"),
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
  const { toText } = await import("../../report/index.ts");
  return toText(report, { colour: context.options.colour, width: context.columns });
}
