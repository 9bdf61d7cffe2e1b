import { readFile, stat } from "node:fs/promises";
import { ForgeError } from "../../errors.ts";
import { unreadablePem, type Proxy, type StartTls } from "../../probe/index.ts";
import { serverPaths, status } from "../../server/light.ts";
import type { Context } from "../context.ts";
import { readTextIfThere } from "../files.ts";
import { judged, reportProblem, withSiteGrade, type Judging } from "../judged.ts";
import { look, reportText, type LookRequest, type Reach } from "../look.ts";
import { refuseUnwritable, writeOutput } from "../output-file.ts";
import type { Result } from "../result.ts";
import { parseTarget, readTargets, type TargetSpec } from "../targets.ts";
import { portFor } from "../ways.ts";

export interface VerifyRequest extends Judging {
  /** `HOST`, `HOST:PORT` or `[ADDRESS]:PORT`. */
  readonly targets: readonly string[];
  /** A file with one target a line; `-` is standard input. */
  readonly targetsFile?: string;
  readonly serverName?: string;
  /** PEM files with anchors to trust besides the system's. */
  readonly ca: readonly string[];
  /** Where to write what was seen, and all bytes. */
  readonly record?: string;
  /** One report for each address of a name. */
  readonly allAddresses?: boolean;
  readonly family?: 4 | 6;
  readonly startTls?: StartTls;
  readonly proxy?: Proxy;
  readonly gentle?: boolean;
  /** Connections per second, over all targets. */
  readonly rate?: number;
  /** For each target. */
  readonly maxConnections?: number;
  readonly maxSeconds?: number;
}

/** Targets that are looked at at once. */
const width = 8;

/** Grades any TLS servers. Exit 1 below `--min-grade`, 3 when one cannot be reached or its grade cannot be said; of several the worst. */
export async function verify(context: Context, asked: VerifyRequest): Promise<Result> {
  const { targets, targetsFile, html, record, allAddresses = false } = asked;
  if (targets.length === 0 && targetsFile === undefined)
    throw new ForgeError("usage", "missing required argument 'target'", {
      hint: "write HOST[:PORT], or name a list with --targets",
    });
  const request = await withSiteGrade(context, asked);
  const port = portFor(request.startTls);
  const specs = [
    ...targets.map((target) => parseTarget(target, port)),
    ...(targetsFile === undefined ? [] : await readTargets(targetsFile, { port, input: context.input })),
  ];
  const [only] = specs;
  const isOne = targetsFile === undefined && specs.length === 1 && !allAddresses;
  refuseTogether(request, isOne);
  if (html !== undefined) await refuseUnwritable(html, "--html");
  if (record !== undefined) await refuseUnwritable(record, "--record");
  const ca = await Promise.all(request.ca.map(readAnchor));
  const reach = await reachOf(request);
  const authorityOf = ownAuthority(context);
  const lookAt = async ({ host, port: at, ...more }: TargetSpec & Partial<LookRequest>): ReturnType<typeof look> =>
    look(context, {
      host,
      port: at,
      ca,
      authority: await authorityOf(host, at),
      reach,
      ...(request.serverName === undefined ? {} : { serverName: request.serverName }),
      ...more,
    });
  if (isOne && only !== undefined)
    return record === undefined
      ? judged(context, await lookAt(only), request)
      : recorded(context, {
          request,
          record,
          lookAt: (more) => lookAt({ ...only, ...more, reach: { ...reach, ...more.reach } }),
        });

  const [{ many }, { eachAddress, eachTarget }, { addressesOf }] = await Promise.all([
    import("../many.ts"),
    import("../items.ts"),
    import("../../probe/index.ts"),
  ]);
  const { family } = request;
  const items = allAddresses
    ? eachAddress(specs, { addressesOf: (host) => addressesOf(host, { timeoutMs: 5000, family }), lookAt })
    : eachTarget(specs, lookAt);
  return many(context, items, {
    command: "verify",
    width,
    problemOf: (report) => reportProblem(report, request),
    ...(targetsFile === undefined ? { textOf: (report) => reportText(context, report) } : {}),
  });
}

function refuseTogether(request: VerifyRequest, isOne: boolean): void {
  const refuse = (what: string, hint: string): never => {
    throw new ForgeError("usage", what, { hint });
  };
  if (!isOne && request.html !== undefined) refuse("--html holds the report of one target", "verify one target");
  if (!isOne && request.record !== undefined) refuse("--record holds the look at one target", "verify one target");
  if (request.allAddresses === true && request.proxy !== undefined)
    refuse("--all-addresses does not go with --proxy, which resolves names itself", "leave one of them out");
  if (request.html !== undefined && request.html === request.record)
    refuse("--html and --record name the same file", "name two files");
}

async function reachOf(request: VerifyRequest): Promise<Reach> {
  const { gentle, rate, maxConnections, maxSeconds, startTls, proxy, family } = request;
  return {
    ...(gentle === undefined ? {} : { gentle }),
    ...(rate === undefined ? {} : { pace: (await import("../../probe/index.ts")).createPace(rate) }),
    ...(maxConnections === undefined ? {} : { budget: maxConnections }),
    ...(maxSeconds === undefined ? {} : { totalMs: maxSeconds * 1000 }),
    ...(startTls === undefined ? {} : { startTls }),
    ...(proxy === undefined ? {} : { proxy }),
    ...(family === undefined ? {} : { family }),
  };
}

/** The same with everything that was seen and every byte kept in a file. */
async function recorded(
  context: Context,
  of: {
    readonly request: VerifyRequest;
    readonly record: string;
    readonly lookAt: (more: Pick<LookRequest, "keep" | "reach">) => ReturnType<typeof look>;
  },
): Promise<Result> {
  const { createRecorder, writeRecording } = await import("../../probe/index.ts");
  const recorder = createRecorder();
  let text = "";
  const report = await of.lookAt({
    reach: { recorder },
    keep: (observations) => {
      const connections = recorder.connections();
      const leftOut = connections.reduce((sum, connection) => sum + connection.leftOut, 0);
      if (leftOut > 0)
        context.emit({
          type: "warning",
          message: `the recording leaves out ${leftOut} bytes that were beyond its bound`,
        });
      text = writeRecording({ observations, connections }, context.version);
    },
  });
  const unwritten = await writeOutput(of.record, async () => text);
  return judged(context, report, { ...of.request, problems: [unwritten] });
}

/** Our own authority is trusted for the server of this prefix without being named. The server is asked once. */
function ownAuthority(context: Context): (host: string, port: number) => Promise<string | null> {
  const { prefix } = context.options;
  let asked: ReturnType<typeof status> | undefined;
  return async (host, port) => {
    const state = await (asked ??= status(prefix));
    const here = /^(localhost|127\..*|::1)$/.test(host);
    const own =
      state.state === "serving" &&
      state.status.listen.some(
        (address) => address.endsWith(`:${port}`) && (here || address.replace(/[[\]]/g, "") === `${host}:${port}`),
      );
    return own ? readTextIfThere(`${serverPaths(prefix).tls}/ca/cert.pem`) : null;
  };
}

async function readAnchor(file: string): Promise<string> {
  const refuse = (message: string, cause?: unknown): ForgeError =>
    new ForgeError("usage", message, { cause, hint: "name a PEM file" });
  const facts = await stat(file).catch((error: unknown) => {
    throw refuse(`the file of --ca cannot be read: ${file}`, error);
  });
  // The end of a pipe might never come.
  if (!facts.isFile()) throw refuse(`the file of --ca cannot be read: ${file} is no regular file`);
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    throw refuse(`the file of --ca cannot be read: ${file}`, error);
  });
  if (!text.includes("-----BEGIN CERTIFICATE-----"))
    throw new ForgeError("usage", `there is no PEM certificate in ${file}`, {
      hint: "name a file with BEGIN CERTIFICATE lines",
    });
  const broken = unreadablePem(text);
  if (broken !== null) throw refuse(`certificate ${broken} in ${file} cannot be read`);
  return text;
}
