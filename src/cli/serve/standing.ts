import { readFile } from "node:fs/promises";
import { ForgeError } from "../../errors.ts";
import { mergeRecords } from "../../host/index.ts";
import type { Site } from "../../recipe/index.ts";
import {
  configDigest,
  refuseAbsent,
  refuseTaken,
  serverPaths,
  status,
  supervisorOf,
  type ServerConfig,
  type ServerState,
  type ServerStatus,
  type Supervisor,
} from "../../server/index.ts";
import { readLedger, rollbackTo, updateManifest, type Manifest } from "../../store/index.ts";
import type { Context } from "../context.ts";
import { applyWishes, hostWishes, runnerOf, takeBackUnwished } from "../machine/host-changes.ts";
import { exposureOf, refuseExposed } from "./exposure.ts";
import { asKept, siteOf } from "./kept-site.ts";
import { loadStack } from "../make/load.ts";
import { machine } from "../make/prepare.ts";
import type { HostMoment } from "./service.ts";
import { generationFile, heldBy, readConfig, serve, type Running } from "./serve.ts";
import { interpreterOf, serverOutputs, setUpServer, type ServerSetup } from "./setup.ts";

/** What serves from a prefix, or null. Throws `server-failed` when that cannot be told: then nothing may be switched. */
export async function runningServer(context: Context): Promise<Running | null> {
  const { prefix } = context.options;
  const state = await status(prefix);
  if (state.state === "unknown")
    throw new ForgeError("server-failed", `what serves from ${prefix} cannot be told: ${state.reason}`, {
      hint: `look at ${serverPaths(prefix).log}; nothing was switched`,
    });
  return runningOf(context, state);
}

async function runningOf(context: Context, state: ServerState): Promise<Running | null> {
  if (state.state !== "serving") return null;
  return { status: state.status, supervisor: await supervisorOfRunning(context) };
}

/**
 * The service manager that started what serves, or would where nothing does; null: it runs in the background. A server of systemd's writes to
 * the folder below /run that was made for it; of the others the ledger tells.
 */
export async function supervisorOfRunning(context: Context): Promise<Supervisor | null> {
  const { prefix } = context.options;
  const supervisor = supervisorIn(
    context,
    (await readLedger(prefix)).map(({ record }) => record),
  );
  const state = await status(prefix);
  if (state.state === "not-serving") return supervisor;
  const served =
    state.state === "serving"
      ? await readServerConfig(prefix, state.status.generation)
      : await readConfig(serverPaths(prefix).config);
  const ofSystemd = served !== null && served.paths.run !== serverPaths(prefix).run;
  return ofSystemd === (supervisor?.manager === "systemd") ? supervisor : null;
}

function supervisorIn(context: Context, records: Manifest["host"]): Supervisor | null {
  const record = records.find(({ kind }) => kind === "unit" || kind === "rc-script");
  if (record === undefined) return null;
  const manager = record.kind === "unit" ? "systemd" : record.data["system"] === "openrc" ? "openrc" : "rc.d";
  const name = record.id.slice(record.id.indexOf(":") + 1);
  return supervisorOf(machine(context, null), manager, name);
}

/** The configuration that a generation was last launched with, or null when it never was. */
export async function readServerConfig(prefix: string, generation: number): Promise<ServerConfig | null> {
  const file = generationFile(prefix, generation, "server.json");
  try {
    return JSON.parse(await readFile(file, "utf8")) as ServerConfig;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new ForgeError("prefix-unusable", `${file} cannot be read`, {
      cause: error,
      hint: "provision again, which writes it anew",
    });
  }
}

/**
 * Refuses a site's addresses that another program has, before minutes of building. What our own servers have is not meant, nor what a service
 * manager may hold for one that does not run: each launch looks again. The first one is graded, so it has to be this machine's; others may still
 * come. Throws `port-in-use` and `server-failed`.
 */
export async function refuseTakenPorts(context: Context, { server: { listen, redirect } }: Site): Promise<void> {
  const { prefix } = context.options;
  const state = await status(prefix);
  if (state.state === "unknown") return;
  if (state.state === "not-serving" && (await supervisorOfRunning(context)) !== null) return;
  const serving = state.state === "serving" ? state.status : null;
  await refuseTaken([...listen, ...redirect], await heldBy(prefix, serving));
  const [graded] = listen;
  if (graded !== undefined) await refuseAbsent(graded);
}

/** A generation's server as it was launched before. Throws `not-found` when it never was. */
export async function standingSetup(context: Context, manifest: Manifest): Promise<ServerSetup> {
  const config = await readServerConfig(context.options.prefix, manifest.generation);
  if (config === null) {
    throw new ForgeError("not-found", `generation ${manifest.generation} has never served`, {
      hint: "run tlsforge provision, which launches and grades it",
    });
  }
  const { stack } = await loadStack(context, manifest.stack);
  const outputs = serverOutputs(stack, manifest.builds);
  if (outputs.purpose === "reproduction") refuseExposed(config, exposureOf(context, manifest));
  const copy = manifest.host.find((record) => record.kind === "capability")?.data["copy"];
  const supervisor = supervisorIn(context, manifest.host);
  const runner = { interpreter: copy ?? interpreterOf(outputs), supervisor, user: config.user };
  return { config, outputs, runner, authority: null };
}

/** Brings a generation's server into service again, as it was. */
export async function startGeneration(context: Context, manifest: Manifest): Promise<ServerStatus> {
  return serve(context, await standingSetup(context, manifest), {
    running: await runningOf(context, await status(context.options.prefix)),
  });
}

/** What was there before a change that failed. */
export interface Former {
  /** Who asks, for the lock. */
  readonly what: string;
  /** What was current, with what it needs of the machine; null when that has not been changed. */
  readonly current: Manifest | null;
  /** Whose server served; null when none did. */
  readonly served: Manifest | null;
  /** The host records of the generation that failed, which are taken back last. */
  readonly replaced?: Manifest["host"] | undefined;
}

/**
 * Brings back what was there before a change that failed: the current generation, the machine, the server. An interrupted run still has to
 * leave the old server serving, so its signal does not count here.
 */
export async function bringBack(impatient: Context, { what, current, served, replaced }: Former): Promise<void> {
  const context = { ...impatient, signal: new AbortController().signal };
  const { emit, signal, options } = context;
  if (current !== null) {
    await rollbackTo(options.prefix, current.generation, { what, wait: true, emit, signal });
    await applyHostOf(context, current, replaced);
  }
  if (served !== null) await serveAgain(context, served);
  if (current !== null) await restoreHost(context, current, replaced);
}

/** Starts a generation's server again. When that fails too it is said, and the first failure stays the one to be told. */
async function serveAgain(context: Context, manifest: Manifest): Promise<void> {
  const { generation } = manifest;
  try {
    if (!(await neverLeft(context, manifest))) await startGeneration(context, manifest);
    context.emit({ type: "warning", message: `generation ${generation} is in service` });
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
    context.emit({
      type: "warning",
      message: `generation ${generation} cannot be started again: ${error.message}`,
      hint: error.hint ?? "run tlsforge launch",
    });
  }
}

/** Whether a generation's server serves as it was launched: what was to replace it was refused before it had to stop. */
async function neverLeft({ options }: Context, { generation }: Manifest): Promise<boolean> {
  const state = await status(options.prefix);
  if (state.state !== "serving" || state.status.generation !== generation) return false;
  const config = await readServerConfig(options.prefix, generation);
  return config !== null && configDigest(config) === state.status.configDigest;
}

/**
 * A generation's server as it was asked for, with certificates that can be served now; null when the generation holds no server.
 * Issues a certificate when one is due. `moment`: whether the host has been restored for it. Throws as `runnerOf` does.
 */
export async function freshSetup(
  context: Context,
  manifest: Manifest,
  moment: HostMoment,
): Promise<ServerSetup | null> {
  const site = await siteOf(context, manifest);
  const { stack } = await loadStack(context, manifest.stack);
  if (!manifest.builds.some((build) => build.recipe === stack.server)) return null;
  const outputs = serverOutputs(stack, manifest.builds);
  const host = machine(context, site);
  const wishes = await hostWishes(await asKept(context, manifest), { site, host, outputs });
  return setUpServer(context, {
    site,
    host,
    outputs,
    runner: await runnerOf(host, wishes, moment),
    manifest,
  });
}

/** Gives the host what a generation needs of it (the loader entry names its own OpenSSL). What only others need stays: something may still serve by it. */
export async function applyHostOf(
  context: Context,
  manifest: Manifest,
  replaced: Manifest["host"] = [],
): Promise<void> {
  const { host, work } = await hostWork(context, manifest, replaced);
  await applyWishes(host, work);
}

/**
 * The same, and takes back what only `replaced`, the records of the generation before the switch, asked for: once the generation's own server
 * serves, or none does. The records are kept with the generation.
 */
export async function restoreHost(
  context: Context,
  manifest: Manifest,
  replaced: Manifest["host"] = [],
): Promise<void> {
  const { host, work } = await hostWork(context, manifest, replaced);
  await applyWishes(host, work);
  const records = await takeBackUnwished(host, work);
  await updateManifest(context.options.prefix, manifest.generation, { host: records });
}

async function hostWork(context: Context, manifest: Manifest, replaced: Manifest["host"]) {
  const site = await siteOf(context, manifest);
  const { stack } = await loadStack(context, manifest.stack);
  const host = machine(context, site);
  const outputs = serverOutputs(stack, manifest.builds);
  const { resources } = await hostWishes(await asKept(context, manifest), { site, host, outputs });
  const { prefix } = context.options;
  const { emit } = context;
  return { host, work: { prefix, resources, earlier: mergeRecords(manifest.host, replaced), emit } };
}
