import { exitCodeFor } from "../../errors.ts";
import { planHost, refuseDemanded, type ResourcePlan } from "../../host/index.ts";
import { configDigest, serverPaths, status, stop, type ServerConfig, type ServerStatus } from "../../server/index.ts";
import { readManifest, switchTo, updateManifest, type Manifest } from "../../store/index.ts";
import type { Context } from "../context.ts";
import {
  applyWishes,
  hostFields,
  hostWishes,
  runnerOf,
  serviceChange,
  takeBackUnwished,
  unwished,
  withdrawService,
  type HostWishes,
} from "../machine/host-changes.ts";
import { recordedExposure } from "../serve/exposure.ts";
import { grade, type Graded } from "../serve/gate.ts";
import { holdingPrefix } from "../make/held.ts";
import { keepSite } from "../serve/kept-site.ts";
import { knownRecords } from "../machine/ledger.ts";
import { reportText } from "../look/look.ts";
import { buildRecords } from "../make/make.ts";
import { tellMandatory } from "../machine/mandatory.ts";
import { pendingOf } from "../machine/pending.ts";
import {
  afresh,
  buildStack,
  manifestBuilds,
  sameBuilds,
  stageBuilt,
  toolStamps,
  warningsOf,
  type Built,
} from "../make/pipeline.ts";
import { notToldYet } from "../make/sandbox.ts";
import type { Selection } from "../make/prepare.ts";
import { reachText } from "../serve/reach.ts";
import { errorFields, serverFields, type Result } from "../result.ts";
import { reloadServer, serve, serverChange, switchFor, type Running } from "../serve/serve.ts";
import { certificateWarnings } from "../serve/served.ts";
import { tellService } from "../serve/service.ts";
import { serverOutputs, setUpServer, type ServerOutputs, type ServerSetup } from "../serve/setup.ts";
import {
  bringBack,
  readServerConfig,
  refuseTakenPorts,
  runningServer,
  supervisorOfRunning,
} from "../serve/standing.ts";
import type { BuildRequest } from "../make/types.ts";

/** The whole job: plan, build, activate, apply, launch, verify. */
export async function provision(context: Context, request: BuildRequest): Promise<Result> {
  return holdingPrefix(context, { ...request, what: "provision" }, async (grip) => {
    // What cannot be told must not be replaced, so it is asked for before anything is done.
    await runningServer(context);
    const built = await buildStack(context, { ...request, grip }, async (planned, selection) => {
      await refuseTakenPorts(context, selection.site);
      const builds = planned.map(({ derivation: { recipe, key, out } }) => ({
        ...recipe,
        recipe: recipe.name,
        key,
        out,
      }));
      const { resources } = await wishesFor(context, selection, builds);
      return planHost(selection.host, resources);
    });
    return grip.alone(async () => {
      const before = await runningServer(context);
      return serveBuilt(context, request, { ...(await afresh(context, built)), before });
    });
  });
}

/** What was built, and what served when this run began to change that. */
interface Begun extends Built {
  readonly before: Running | null;
}

async function serveBuilt(context: Context, request: BuildRequest, built: Begun): Promise<Result> {
  const unchanged = await alreadyServing(context, built);
  if (unchanged !== null) {
    const { setup, server, manifest } = unchanged;
    const graded = await grade(context, request, { built, manifest, setup, listen: setup.config.listen });
    if (graded.problem === null) await settle(context, built, manifest);
    return told(context, { built, ...unchanged, graded, server });
  }
  const manifest = (await sameAgain(context, built)) ?? (await stageBuilt(context, built));
  await keepSite(context.options.prefix, manifest.generation, built.site, context.options.config);
  try {
    const { plans, setup, wishes } = await prepareServer(context, built, manifest);
    const { server, graded } = await intoService(context, request, { built, manifest, setup, plans, wishes });
    if (graded.problem === null) {
      await takeBack(context, { built, manifest, wishes });
      await settle(context, built, manifest);
    }
    const served = { built, manifest, server, setup, plans, graded, outcome: "launched" } as const;
    // What served before this run goes on as it was.
    if (graded.problem !== null) await comeBack(context, built, manifest);
    return await told(context, served);
  } catch (error) {
    await comeBack(context, built, manifest);
    throw error;
  }
}

/** Only what has met its gate, with the machine as it is to be, may be "nothing to do" the next time. */
async function settle(context: Context, { fingerprint, selection }: Built, { generation }: Manifest): Promise<void> {
  await updateManifest(context.options.prefix, generation, { fingerprint, tools: toolStamps(selection) });
}

/** What the generations before needed of the machine and this one does not, once it serves. */
async function takeBack(
  context: Context,
  { built, manifest, wishes }: Pick<Prepared, "built" | "manifest" | "wishes">,
): Promise<void> {
  const { prefix } = context.options;
  const work = { prefix, resources: wishes.resources, emit: context.emit };
  await updateManifest(prefix, manifest.generation, { host: await takeBackUnwished(built.selection.host, work) });
}

/** A generation's server, ready to be launched, and what its host resources came to. */
interface Prepared {
  readonly built: Begun;
  readonly wishes: HostWishes;
  readonly manifest: Manifest;
  readonly setup: ServerSetup;
  readonly plans: readonly ResourcePlan[];
}

/** Marks that the trial did not reach the wanted grade. */
class Refused extends Error {}

/**
 * Launches a generation's server and grades it: beside the one that serves, which only makes room for one that has passed; where none does,
 * in its own place. `server` is null when nothing of the new one is left.
 */
async function intoService(
  context: Context,
  request: BuildRequest,
  { built, manifest, setup, plans, wishes }: Prepared,
): Promise<{ readonly server: ServerStatus | null; readonly graded: Graded }> {
  const { emit, signal, options } = context;
  const { prefix } = options;
  const running = await runningServer(context);
  const { records } = await knownRecords(prefix, manifest.host);
  const change = serviceChange(plans, unwished(records, wishes.resources));
  const beside = ["hand-over", "restart"].includes(switchFor(running, setup, change));
  const gradeAt = (listen: ServerConfig["listen"]): Promise<Graded> =>
    grade(context, request, { built, manifest, setup, listen });
  let graded: Graded | null = null;
  const gate = async (trial: ServerStatus): Promise<void> => {
    graded = await gradeAt(trial.listen);
    if (graded.problem !== null) throw new Refused();
  };
  const ready = (): Promise<unknown> =>
    switchTo(prefix, manifest.generation, { what: "provision", wait: options.wait, emit, signal });
  emit({ type: "phase", phase: "launch", state: "start" });
  try {
    const server = await serve(context, setup, { running, ready, change, ...(beside ? { gate } : {}) });
    emit({ type: "phase", phase: "launch", state: "done", detail: server.listen.join(", ") });
    const { config } = setup;
    await updateManifest(prefix, manifest.generation, {
      server: { configDigest: configDigest(config), listen: config.listen },
    });
    return { server, graded: graded ?? (await gradeAt(config.listen)) };
  } catch (error) {
    if (error instanceof Refused && graded !== null) return { server: null, graded };
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
  const exposed = recordedExposure(context, built.site.server, previous);
  return updateManifest(context.options.prefix, previous.generation, {
    warnings: warningsOf(made),
    ...(previous.vulnerable === undefined ? {} : { exposed }),
  });
}

async function onlyStopped(context: Context, { site, selection }: Built, manifest: Manifest): Promise<boolean> {
  if ((await status(context.options.prefix)).state !== "not-serving") return false;
  const { host } = selection;
  const wishes = await wishesFor(context, selection, manifest.builds);
  const runner = await runnerOf(host, wishes, "planned");
  const setup = await setUpServer(context, {
    site,
    host,
    outputs: wishes.outputs,
    runner,
    manifest,
  });
  return configDigest(setup.config) === manifest.server?.configDigest;
}

/** The outputs of builds that serve, and what the machine has to give for them to serve as the site file says. */
async function wishesFor(
  context: Context,
  { stack, site, host }: Selection,
  builds: readonly { readonly recipe: string; readonly out: string }[],
): Promise<HostWishes & { readonly outputs: ServerOutputs }> {
  const outputs = serverOutputs(stack, builds);
  return { outputs, ...(await hostWishes(context, { site, host, outputs })) };
}

/** Host resources applied and recorded, certificates made, configuration ready. */
async function prepareServer(
  context: Context,
  { site, selection }: Built,
  manifest: Manifest,
): Promise<Pick<Prepared, "plans" | "setup" | "wishes">> {
  const { emit, options } = context;
  const { host } = selection;
  const wishes = await wishesFor(context, selection, manifest.builds);
  emit({ type: "phase", phase: "host", state: "start" });
  const { prefix } = options;
  const { resources } = wishes;
  const { plans, records } = await applyWishes(host, { prefix, resources, earlier: manifest.host, emit });
  await updateManifest(prefix, manifest.generation, { host: records });
  emit({ type: "phase", phase: "host", state: "done" });
  const runner = await runnerOf(host, wishes);
  tellService(context, wishes.service);
  await tellMandatory(context, host, wishes.outputs);
  const setup = await setUpServer(context, {
    site,
    host,
    outputs: wishes.outputs,
    runner,
    manifest,
  });
  return { plans, setup, wishes };
}

/**
 * The current generation, when it is made of the same outputs and its server serves the same configuration, or does after a reload; else null.
 * Throws `host-refused` when something demanded cannot be had.
 */
async function alreadyServing(
  context: Context,
  built: Built,
): Promise<(Omit<Served, "built" | "graded" | "server"> & { readonly server: ServerStatus }) | null> {
  const { previous, selection, site, made } = built;
  const { prefix } = context.options;
  if (previous === null || previous.server === null || previous.stack !== selection.stack.name) return null;
  const builds = manifestBuilds(made);
  if (!sameBuilds(builds, previous.builds)) return null;
  const { host } = selection;
  const wishes = await wishesFor(context, selection, builds);
  const plans = await planHost(host, wishes.resources);
  refuseDemanded(plans);
  const known = await knownRecords(prefix, previous.host);
  const { changes, over, unfinished } = await pendingOf(host, known, { resources: wishes.resources, plans });
  if (changes.length + over.length + unfinished.length > 0) return null;
  tellService(context, wishes.service);
  const { generation } = previous;
  const runner = await runnerOf(host, wishes);
  const setup = await setUpServer(context, { site, host, outputs: wishes.outputs, runner, manifest: previous });
  const state = await status(prefix);
  const { action } = await serverChange(prefix, state, setup.config);
  if (action === "none" && state.state === "serving") {
    // The same site may be asked for by another file.
    await keepSite(prefix, generation, site, context.options.config);
    return { manifest: previous, server: state.status, setup, plans, outcome: "unchanged" };
  }
  // A certificate from elsewhere has to pass the gate before it serves, which one of our own authority's has passed already.
  const former = await readServerConfig(prefix, generation);
  if (action !== "reload" || former === null || ![former, setup.config].every((config) => isOurs(prefix, config)))
    return null;
  const server = await reloadServer(context, setup);
  await keepSite(prefix, generation, site, context.options.config);
  const { listen } = setup.config;
  await updateManifest(prefix, generation, { server: { configDigest: configDigest(setup.config), listen } });
  return { manifest: previous, server, setup, plans, outcome: "reloaded" };
}

/** Whether every certificate of a configuration is from the prefix's own authority. */
function isOurs(prefix: string, { certificates }: ServerConfig): boolean {
  return certificates.every(({ chain }) => chain.startsWith(`${serverPaths(prefix).tls}/`));
}

interface Served {
  readonly built: Built;
  readonly manifest: Manifest;
  /** What serves; null when the new server did not pass its gate. */
  readonly server: ServerStatus | null;
  readonly setup: ServerSetup;
  readonly plans: readonly ResourcePlan[];
  readonly graded: Graded;
  /** What this run did to the server. */
  readonly outcome: "launched" | "reloaded" | "unchanged";
}

/** What a provision tells of what it did. */
async function told(context: Context, served: Served): Promise<Result> {
  const { built, manifest, setup, server, graded } = served;
  const { report, files, problem } = graded;
  const { prefix } = context.options;
  const warnings = [...warningsOf(built.made), ...certificateWarnings(server?.certificates ?? [], context.program)];
  const fields = {
    generation: manifest.generation,
    prefix,
    builds: buildRecords(built.made),
    host: hostFields(served.plans),
    server: server === null || (problem !== null && served.outcome === "launched") ? null : serverFields(server),
    report,
    warnings,
    ...(manifest.vulnerable === undefined ? {} : { vulnerable: manifest.vulnerable }),
  };
  const outcome = served.outcome === "unchanged" ? "unchanged" : "done";
  const { listen, names } = setup.config;
  const reach = { listen, names, authority: setup.authority, prefix, program: context.executable, html: files.html };
  const text = `${await reportText(context, report)}\n${reachText({ ...reach, outcome, warnings: notToldYet(warnings, built.made), vulnerable: manifest.vulnerable ?? [] })}`;
  if (problem === null) return { outcome, exitCode: 0, fields, text };
  return {
    outcome: "failed",
    exitCode: exitCodeFor(problem),
    fields: { ...fields, ...errorFields(problem) },
    text,
    error: problem,
  };
}

/**
 * Brings back what served when this run began, and ends what this run has started. Where nothing served the generation that was accepted last is
 * current again and starts at the next boot; without one the service is taken back from the machine. The prefix stays whole in any case.
 */
async function comeBack(context: Context, { previous, before, selection }: Begun, failed: Manifest): Promise<void> {
  const { prefix } = context.options;
  // An interrupted run leaves nothing half started, so its signal does not count here.
  const patient = { ...context, signal: new AbortController().signal };
  if (before === null) await stop(prefix, await supervisorOfRunning(patient));
  const accepted = previous?.accepted === true ? previous : null;
  const current = before === null ? accepted : await readManifest(prefix, before.status.generation);
  if (current === null) {
    await withdrawService(selection.host, prefix, context.emit);
    return;
  }
  const replaced = (await readManifest(prefix, failed.generation))?.host;
  await bringBack(context, { what: "provision", current, served: before === null ? null : current, replaced });
}
