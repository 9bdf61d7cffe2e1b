import { exitCodeFor } from "../../errors.ts";
import { planHost, type ResourcePlan } from "../../host/index.ts";
import { configDigest, status, stop, type ServerStatus } from "../../server/index.ts";
import { readManifest, rollbackTo, updateManifest, type Manifest } from "../../store/index.ts";
import type { Context } from "../context.ts";
import { applyWishes, hostFields, hostWishes, unwished, type HostWishes } from "../host-changes.ts";
import { trustedLocally } from "../../grade/light.ts";
import { gradeProblem, gradingRulebook, look, reportText, writeReport } from "../look.ts";
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
import type { Selection } from "../prepare.ts";
import { errorFields, serverFields, type Result } from "../result.ts";
import {
  generationFile,
  interpreterOf,
  readAuthority,
  serverOutputs,
  reloadServer,
  serverChange,
  setUpServer,
  startServer,
  type ServerOutputs,
  type ServerSetup,
} from "../serve.ts";
import { restoreHost, bringBack } from "../standing.ts";
import { endpointOf, reachText } from "../reach.ts";

/** The whole job: plan, build, activate, apply, launch, verify. */
export async function provision(context: Context, request: BuildRequest): Promise<Result> {
  return holdingPrefix(context, { ...request, what: "provision" }, async () => {
    const built = await buildStack(context, request, async (planned, selection) => {
      const builds = planned.map(({ derivation: { recipe, key, out } }) => ({
        ...recipe,
        recipe: recipe.name,
        key,
        out,
      }));
      const { resources } = await wishesFor(context, selection, builds);
      return planHost(selection.host, resources);
    });
    return serveBuilt(context, request, built);
  });
}

async function serveBuilt(context: Context, request: BuildRequest, built: Built): Promise<Result> {
  const unchanged = await alreadyServing(context, built);
  if (unchanged !== null) return finish(context, request, { built, ...unchanged });
  const manifest = (await sameAgain(context, built)) ?? (await activateBuilt(context, built));
  try {
    const { plans, setup } = await prepareServer(context, built, manifest);
    context.emit({ type: "phase", phase: "launch", state: "start" });
    const server = await startServer(context, setup);
    context.emit({ type: "phase", phase: "launch", state: "done", detail: server.listen.join(", ") });
    await updateManifest(context.options.prefix, manifest.generation, {
      server: { configDigest: configDigest(setup.config), listen: setup.config.listen },
    });
    return await finish(context, request, { built, manifest, server, setup, plans, outcome: "launched" });
  } catch (error) {
    await comeBack(context, built);
    throw error;
  }
}

/**
 * The current generation, when it has the same outputs and there is no reason for another number: it was never accepted (what failed is tried
 * again), or its server is only not running and would be launched as before.
 */
async function sameAgain(context: Context, built: Built): Promise<Manifest | null> {
  const { previous, made, selection } = built;
  if (previous === null || previous.stack !== selection.stack.name) return null;
  if (!sameBuilds(manifestBuilds(made), previous.builds)) return null;
  if (previous.accepted && !(await onlyStopped(context, built, previous))) return null;
  return updateManifest(context.options.prefix, previous.generation, { warnings: warningsOf(made) });
}

async function onlyStopped(context: Context, { site, selection }: Built, manifest: Manifest): Promise<boolean> {
  if ((await status(context.options.prefix)).state !== "not-serving") return false;
  const { outputs, lowPort } = await wishesFor(context, selection, manifest.builds);
  const { generation, builds } = manifest;
  const { interpreter } = lowPort;
  const setup = await setUpServer(context, { site, host: selection.host, outputs, interpreter, generation, builds });
  return configDigest(setup.config) === manifest.server?.configDigest;
}

/** The outputs of builds that serve, and what the machine has to give for them to serve as the site file says. */
async function wishesFor(
  context: Context,
  { stack, site, host }: Selection,
  builds: readonly { readonly recipe: string; readonly out: string }[],
): Promise<HostWishes & { readonly outputs: ServerOutputs }> {
  const outputs = serverOutputs(stack, builds);
  const { prefix } = context.options;
  const interpreter = interpreterOf(outputs);
  return { outputs, ...(await hostWishes(host, site, { openssl: outputs.openssl, interpreter, prefix })) };
}

/** Host resources applied and recorded, certificates made, configuration ready. */
async function prepareServer(
  context: Context,
  { site, selection }: Built,
  manifest: Manifest,
): Promise<{ plans: readonly ResourcePlan[]; setup: ServerSetup }> {
  const { emit, options } = context;
  const { outputs, resources, lowPort } = await wishesFor(context, selection, manifest.builds);
  emit({ type: "phase", phase: "host", state: "start" });
  const { plans, records } = await applyWishes(selection.host, {
    prefix: options.prefix,
    resources,
    earlier: manifest.host,
    emit,
  });
  await updateManifest(options.prefix, manifest.generation, { host: records });
  emit({ type: "phase", phase: "host", state: "done" });
  const { generation, builds } = manifest;
  const { interpreter } = lowPort;
  const setup = await setUpServer(context, { site, host: selection.host, outputs, interpreter, generation, builds });
  return { plans, setup };
}

/** The current generation, when it is made of the same outputs and its server serves the same configuration, or does after a reload; else null. */
async function alreadyServing(context: Context, built: Built): Promise<Omit<Served, "built"> | null> {
  const { previous, selection, site, made } = built;
  const { prefix } = context.options;
  if (previous === null || previous.server === null || previous.stack !== selection.stack.name) return null;
  const builds = manifestBuilds(made);
  if (!sameBuilds(builds, previous.builds)) return null;
  const { outputs, resources, lowPort } = await wishesFor(context, selection, builds);
  const plans = await planHost(selection.host, resources);
  if (plans.some((plan) => plan.action !== "none" && plan.action !== "blocked")) return null;
  if (unwished(previous.host, resources).length > 0) return null;
  const { interpreter } = lowPort;
  const { generation } = previous;
  const setup = await setUpServer(context, { site, host: selection.host, outputs, interpreter, generation, builds });
  const state = await status(prefix);
  const { action } = await serverChange(prefix, state, setup.config);
  if (action === "none" && state.state === "serving")
    return { manifest: previous, server: state.status, setup, plans, outcome: "unchanged" };
  if (action !== "reload") return null;
  const server = await reloadServer(context, setup);
  const { listen } = setup.config;
  await updateManifest(prefix, generation, { server: { configDigest: configDigest(setup.config), listen } });
  return { manifest: previous, server, setup, plans, outcome: "reloaded" };
}

interface Served {
  readonly built: Built;
  readonly manifest: Manifest;
  readonly server: ServerStatus;
  readonly setup: ServerSetup;
  readonly plans: readonly ResourcePlan[];
  /** What this run did to the server. */
  readonly outcome: "launched" | "reloaded" | "unchanged";
}

/** The gate: grades what serves. Below the wanted grade the earlier generation comes back; without one the server is stopped. */
async function finish(context: Context, request: BuildRequest, served: Served): Promise<Result> {
  const { built, manifest, setup } = served;
  const { emit, options } = context;
  emit({ type: "phase", phase: "verify", state: "start" });
  const report = await look(context, { ...endpointOf(setup.config), authority: await readAuthority(setup.authority) });
  const files = await writeReport(report, generationFile(options.prefix, manifest.generation, "report"));
  const result = report.grades[gradingRulebook];
  emit({
    type: "phase",
    phase: "verify",
    state: "done",
    detail: `${result?.gradeTrustIgnored ?? "incomplete"}, ${report.connections} connections, ${report.seconds} s`,
  });
  const problem = gradeProblem(report, {
    minGrade: request.minGrade ?? built.site.verify.minGrade,
    ignoreTrust: trustedLocally(report.observations),
  });
  // Only what has met its gate may be "nothing to do" the next time.
  await updateManifest(options.prefix, manifest.generation, {
    accepted: problem === null,
    report: { grade: result?.grade ?? null, gradeTrustIgnored: result?.gradeTrustIgnored ?? null, path: files.json },
    ...(problem === null ? { fingerprint: built.fingerprint, tools: toolStamps(built.selection) } : {}),
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
  const outcome = served.outcome === "unchanged" ? "unchanged" : "done";
  const text = `${await reportText(context, report)}\n${reachText({ listen: setup.config.listen, names: setup.config.names, authority: setup.authority, prefix: options.prefix, program: context.program, html: files.html, outcome, warnings })}`;
  if (problem === null) return { outcome, exitCode: 0, fields, text };
  // What served before this run goes on as it was.
  if (served.outcome === "launched") await comeBack(context, built);
  return {
    outcome: "failed",
    exitCode: exitCodeFor(problem),
    fields: { ...fields, server: served.outcome === "launched" ? null : fields.server, ...errorFields(problem) },
    text,
    error: problem,
  };
}

/** Brings the accepted generation back that served before this run; without one, stops whatever this run has started. The prefix stays whole either way. */
async function comeBack(context: Context, { previous, serving }: Built): Promise<void> {
  const { emit, signal, options } = context;
  // An interrupted run still has to leave the old server serving, so its signal does not count here.
  const patient = signal.aborted ? { ...context, signal: new AbortController().signal } : context;
  const back = serving ?? (previous?.accepted === true ? previous : null);
  if (back === null) {
    await stop(options.prefix);
    return;
  }
  const failed = await readManifest(options.prefix);
  await rollbackTo(options.prefix, back.generation, { what: "provision", wait: true, emit, signal: patient.signal });
  await restoreHost(patient, back, failed?.host);
  if (serving === null) await stop(options.prefix);
  else if (await bringBack(patient, back))
    emit({ type: "warning", message: `generation ${back.generation} is back in service` });
}
