import { readFile } from "node:fs/promises";
import { ForgeError } from "../errors.ts";
import { mergeRecords } from "../host/index.ts";
import { configDigest, status, type ServerConfig, type ServerStatus } from "../server/index.ts";
import { updateManifest, type Manifest } from "../store/index.ts";
import type { Context } from "./context.ts";
import { applyWishes, hostWishes } from "./host-changes.ts";
import { loadSite, loadStack } from "./load.ts";
import { machine } from "./prepare.ts";
import { generationFile, interpreterOf, serverOutputs, setUpServer, startServer, type ServerSetup } from "./serve.ts";

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
  const copy = manifest.host.find((record) => record.kind === "capability")?.data["copy"];
  return { config, outputs, interpreter: copy ?? interpreterOf(outputs), authority: null };
}

/** Starts a generation's server again, as it was. */
export async function startGeneration(context: Context, manifest: Manifest): Promise<ServerStatus> {
  return startServer(context, await standingSetup(context, manifest));
}

/**
 * Starts a generation's server again after another one failed. When that fails too it is said, and the first failure stays the one to be
 * told. An interrupted run still has to leave the old server serving, so its signal does not count here.
 */
export async function bringBack(context: Context, manifest: Manifest): Promise<boolean> {
  try {
    if (!(await neverLeft(context, manifest)))
      await startGeneration({ ...context, signal: new AbortController().signal }, manifest);
    return true;
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
    context.emit({
      type: "warning",
      message: `generation ${manifest.generation} cannot be started again: ${error.message}`,
      hint: error.hint ?? "run tlsforge launch",
    });
    return false;
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
 * A generation's server as the site file says now, with certificates that can be served now; null when the generation holds no server.
 * Issues a certificate when one is due.
 */
export async function freshSetup(context: Context, manifest: Manifest): Promise<ServerSetup | null> {
  const site = await loadSite(context);
  const { stack } = await loadStack(context, manifest.stack);
  if (!manifest.builds.some((build) => build.recipe === stack.server)) return null;
  const outputs = serverOutputs(stack, manifest.builds);
  const host = machine(context, site);
  const { prefix } = context.options;
  const wishes = await hostWishes(host, site, {
    openssl: outputs.openssl,
    interpreter: interpreterOf(outputs),
    prefix,
  });
  const { generation, builds } = manifest;
  return setUpServer(context, { site, host, outputs, interpreter: wishes.lowPort.interpreter, generation, builds });
}

/**
 * Gives the host what a generation needs of it (the loader entry names its own OpenSSL) and takes back what only `replaced`, the records of the
 * generation before the switch, asked for. The records are kept with the generation.
 */
export async function restoreHost(
  context: Context,
  manifest: Manifest,
  replaced: Manifest["host"] = [],
): Promise<void> {
  const site = await loadSite(context);
  const { stack } = await loadStack(context, manifest.stack);
  const host = machine(context, site);
  const outputs = serverOutputs(stack, manifest.builds);
  const { prefix } = context.options;
  const { resources } = await hostWishes(host, site, {
    openssl: outputs.openssl,
    interpreter: interpreterOf(outputs),
    prefix,
  });
  const { records } = await applyWishes(host, {
    prefix,
    resources,
    earlier: mergeRecords(manifest.host, replaced),
    emit: context.emit,
  });
  await updateManifest(prefix, manifest.generation, { host: records });
}
