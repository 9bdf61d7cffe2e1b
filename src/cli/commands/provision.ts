import { exitCodeFor } from "../../errors.ts";
import { applyHost, mergeRecords, planHost, type ResourcePlan } from "../../host/index.ts";
import { configDigest, stop, type ServerStatus } from "../../server/index.ts";
import { rollbackTo, updateManifest, type Manifest } from "../../store/index.ts";
import type { Context } from "../context.ts";
import { hostFields, hostWishes } from "../host-changes.ts";
import { gradeProblem, gradingRulebook, locallyTrusted, look, reportText, writeReport } from "../look.ts";
import { buildRecords } from "../make.ts";
import {
  activateBuilt,
  buildStack,
  holdingPrefix,
  manifestBuilds,
  sameBuilds,
  toolStamps,
  warningsOf,
  type BuildRequest,
  type Built,
} from "../pipeline.ts";
import { errorFields, serverFields, type Result } from "../result.ts";
import {
  generationFile,
  interpreterOf,
  readAuthority,
  serverOutputs,
  servesAlready,
  setUpServer,
  startServer,
  type ServerSetup,
} from "../serve.ts";
import { restoreHost, bringBack } from "../standing.ts";
import { endpointOf, reachText } from "../reach.ts";

/** The whole job: plan, build, activate, apply, launch, verify. */
export async function provision(context: Context, request: BuildRequest): Promise<Result> {
  return holdingPrefix(context, { ...request, what: "provision" }, async () =>
    serveBuilt(context, request, await buildStack(context, request)),
  );
}

async function serveBuilt(context: Context, request: BuildRequest, built: Built): Promise<Result> {
  const unchanged = await alreadyServing(context, built);
  if (unchanged !== null) return finish(context, request, { built, ...unchanged, outcome: "unchanged" });
  const manifest = (await neverServed(context, built)) ?? (await activateBuilt(context, built));
  try {
    const { plans, setup } = await prepareServer(context, built, manifest);
    context.emit({ type: "phase", phase: "launch", state: "start" });
    const server = await startServer(context, setup);
    context.emit({ type: "phase", phase: "launch", state: "done", detail: server.listen.join(", ") });
    await updateManifest(context.options.prefix, manifest.generation, {
      server: { configDigest: configDigest(setup.config), listen: setup.config.listen },
    });
    return await finish(context, request, { built, manifest, server, setup, plans, outcome: "done" });
  } catch (error) {
    await comeBack(context, built);
    throw error;
  }
}

/** The current generation, when it has the same outputs and never came to serve: a launch that failed is tried again, not numbered anew. */
async function neverServed(
  context: Context,
  { previous, made, fingerprint, selection }: Built,
): Promise<Manifest | null> {
  if (previous === null || previous.server !== null || previous.stack !== selection.stack.name) return null;
  if (!sameBuilds(manifestBuilds(made), previous.builds)) return null;
  return updateManifest(context.options.prefix, previous.generation, {
    fingerprint,
    tools: toolStamps(selection),
    warnings: warningsOf(made),
  });
}

/** Host resources applied and recorded, certificates made, configuration ready. */
async function prepareServer(
  context: Context,
  built: Built,
  manifest: Manifest,
): Promise<{ plans: readonly ResourcePlan[]; setup: ServerSetup }> {
  const { emit, options } = context;
  const { site, selection } = built;
  const outputs = serverOutputs(selection.stack, manifest.builds);
  const wishes = await hostWishes(selection.host, site, {
    openssl: outputs.openssl,
    interpreter: interpreterOf(outputs),
    prefix: options.prefix,
  });
  const plans = await planHost(selection.host, wishes.resources);
  emit({ type: "phase", phase: "host", state: "start" });
  const records = await applyHost(selection.host, plans, emit);
  await updateManifest(options.prefix, manifest.generation, { host: mergeRecords(manifest.host, records) });
  emit({ type: "phase", phase: "host", state: "done" });
  const setup = await setUpServer(context, {
    site,
    host: selection.host,
    outputs,
    interpreter: wishes.lowPort.interpreter,
    generation: manifest.generation,
    builds: manifest.builds,
  });
  return { plans, setup };
}

/** The current generation, when it is made of the same outputs and its server serves the same configuration; else null. */
async function alreadyServing(
  context: Context,
  built: Built,
): Promise<{ manifest: Manifest; server: ServerStatus; setup: ServerSetup; plans: readonly ResourcePlan[] } | null> {
  const { previous, selection, site, made } = built;
  const { prefix } = context.options;
  if (previous === null || previous.server === null || previous.stack !== selection.stack.name) return null;
  const builds = manifestBuilds(made);
  if (!sameBuilds(builds, previous.builds)) return null;
  const outputs = serverOutputs(selection.stack, builds);
  const wishes = await hostWishes(selection.host, site, {
    openssl: outputs.openssl,
    interpreter: interpreterOf(outputs),
    prefix,
  });
  const plans = await planHost(selection.host, wishes.resources);
  if (plans.some((plan) => plan.action !== "none" && plan.action !== "blocked")) return null;
  const setup = await setUpServer(context, {
    site,
    host: selection.host,
    outputs,
    interpreter: wishes.lowPort.interpreter,
    generation: previous.generation,
    builds,
  });
  const server = await servesAlready(prefix, setup.config);
  if (server === null) return null;
  const manifest = await updateManifest(prefix, previous.generation, {
    fingerprint: built.fingerprint,
    tools: toolStamps(selection),
  });
  return { manifest, server, setup, plans };
}

interface Served {
  readonly built: Built;
  readonly manifest: Manifest;
  readonly server: ServerStatus;
  readonly setup: ServerSetup;
  readonly plans: readonly ResourcePlan[];
  readonly outcome: "done" | "unchanged";
}

/** The gate: grades what serves. Below the wanted grade the earlier generation comes back; without one the server is stopped. */
async function finish(context: Context, request: BuildRequest, served: Served): Promise<Result> {
  const { built, manifest, setup } = served;
  const { emit, options } = context;
  emit({ type: "phase", phase: "verify", state: "start" });
  const report = await look(context, { ...endpointOf(setup.config), authority: await readAuthority(setup.authority) });
  const files = await writeReport(report, generationFile(options.prefix, manifest.generation, "report"));
  const result = report.grades[gradingRulebook];
  await updateManifest(options.prefix, manifest.generation, {
    report: { grade: result?.grade ?? null, gradeTrustIgnored: result?.gradeTrustIgnored ?? null, path: files.json },
  });
  emit({
    type: "phase",
    phase: "verify",
    state: "done",
    detail: `${result?.gradeTrustIgnored ?? "incomplete"}, ${report.connections} connections, ${report.seconds} s`,
  });
  const problem = gradeProblem(report, {
    minGrade: request.minGrade ?? built.site.verify.minGrade,
    ignoreTrust: locallyTrusted(report),
  });
  const warnings = warningsOf(built.made);
  const fields = {
    generation: manifest.generation,
    prefix: options.prefix,
    builds: buildRecords(built.made),
    host: hostFields(served.plans),
    server: serverFields(served.server),
    report,
    warnings,
  };
  const text = `${reportText(context, report, 100)}\n${reachText({ listen: setup.config.listen, names: setup.config.names, authority: setup.authority, prefix: options.prefix, html: files.html, outcome: served.outcome, warnings })}`;
  if (problem === null) return { outcome: served.outcome, exitCode: 0, fields, text };
  // What served before this run goes on as it was.
  if (served.outcome === "done") await comeBack(context, built);
  return {
    outcome: "failed",
    exitCode: exitCodeFor(problem),
    fields: { ...fields, server: served.outcome === "done" ? null : fields.server, ...errorFields(problem) },
    text,
    error: problem,
  };
}

/** Brings the generation back that served before; without one, stops whatever this run has started. The prefix stays whole either way. */
async function comeBack(context: Context, built: Built): Promise<void> {
  const { emit, signal, options } = context;
  const { previous } = built;
  if (previous === null || previous.server === null) {
    await stop(options.prefix);
    return;
  }
  // An interrupted run still has to leave the old server serving, so its signal does not count here.
  const patient = signal.aborted ? { ...context, signal: new AbortController().signal } : context;
  await rollbackTo(options.prefix, previous.generation, {
    what: "provision",
    wait: true,
    emit,
    signal: patient.signal,
  });
  await restoreHost(patient, previous);
  if (await bringBack(patient, previous))
    emit({ type: "warning", message: `generation ${previous.generation} is back in service` });
}
