import { ForgeError } from "../../errors.ts";
import type { Context } from "../context.ts";
import { judged, reportProblem, withSiteGrade, type Judging } from "../look/judged.ts";
import { reportText, type LookRequest } from "../look/look.ts";
import { lookerFor, type LookAt, type Looking } from "../look/looker.ts";
import { refuseUnwritable, writeOutput } from "../look/output-file.ts";
import type { Result } from "../result.ts";
import { parseTarget, readTargets } from "../look/targets.ts";
import { portFor } from "../look/ways.ts";

export interface VerifyRequest extends Judging, Looking {
  /** `HOST`, `HOST:PORT` or `[ADDRESS]:PORT`. */
  readonly targets: readonly string[];
  /** A file with one target a line; `-` is standard input. */
  readonly targetsFile?: string;
  /** Where to write what was seen, and all bytes. */
  readonly record?: string;
  /** One report for each address of a name. */
  readonly allAddresses?: boolean;
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
  const lookAt = await lookerFor(context, request);
  if (isOne && only !== undefined)
    return record === undefined
      ? judged(context, await lookAt(only), request)
      : recorded(context, {
          request,
          record,
          lookAt: (more) => lookAt({ ...only, ...more }),
        });

  const [{ many }, { eachAddress, eachTarget }, { addressesOf }] = await Promise.all([
    import("../look/many.ts"),
    import("../look/items.ts"),
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

/** The same with everything that was seen and every byte kept in a file. */
async function recorded(
  context: Context,
  of: {
    readonly request: VerifyRequest;
    readonly record: string;
    readonly lookAt: (more: Pick<LookRequest, "keep" | "reach">) => ReturnType<LookAt>;
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
