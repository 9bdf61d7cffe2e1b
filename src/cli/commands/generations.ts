import { ForgeError } from "../../errors.ts";
import { configDigest, serverPaths, status, type ServerStatus } from "../../server/index.ts";
import {
  collectGarbage,
  currentGeneration,
  listGenerations,
  lockPrefix,
  readManifest,
  rollbackTarget,
  rollbackTo,
  updateManifest,
  type Manifest,
} from "../../store/index.ts";
import type { Context } from "../context.ts";
import { serverFields, type Result } from "../result.ts";
import { checkServer, interpreterOf, startServer, type ServerSetup } from "../serve.ts";
import { bringBack, freshSetup, restoreHost } from "../standing.ts";

/** All generations, oldest first. */
export async function generations(context: Context): Promise<Result> {
  const { prefix } = context.options;
  const entries = await listGenerations(prefix);
  const lines = entries.map(({ generation, current, manifest }) => {
    const grade = manifest?.report?.gradeTrustIgnored ?? "not graded";
    const versions =
      manifest?.builds.map((build) => `${build.recipe} ${build.version}`).join(", ") ?? "its manifest is damaged";
    return `${current ? "*" : " "} ${String(generation).padStart(3)}  ${manifest?.created ?? "?"}  ${grade.padEnd(10)}  ${versions}`;
  });
  return {
    outcome: "done",
    exitCode: 0,
    fields: {
      prefix,
      current: await currentGeneration(prefix),
      generations: entries.map(({ generation, current, manifest }) => ({
        generation,
        current,
        created: manifest?.created ?? null,
        stack: manifest?.stack ?? null,
        builds: manifest?.builds.map(({ recipe, version, key }) => ({ recipe, version, key })) ?? [],
        grade: manifest?.report?.gradeTrustIgnored ?? null,
      })),
    },
    text: entries.length === 0 ? `There is no generation in ${prefix}.\n` : `${lines.join("\n")}\n`,
  };
}

/**
 * Goes back to a generation (the one before the current, unless named): view, host resources, and the server when one runs. Everything is
 * checked before the switch; when the server does not start after it all the same, what was current and served before comes back.
 */
export async function rollback(context: Context, named: string | undefined): Promise<Result> {
  const wanted = named === undefined ? undefined : parseGeneration(named);
  const { emit, signal, options } = context;
  const { prefix } = options;
  const release = await lockPrefix(prefix, { what: "rollback", wait: options.wait, emit, signal });
  try {
    const previous = await currentGeneration(prefix);
    if (wanted !== undefined && wanted === previous) return unchanged(prefix, wanted);
    const target = await rollbackTarget(prefix, wanted);
    const running = await runningServer(prefix);
    const setup = running === null ? null : await freshSetup(context, target);
    if (running !== null && setup !== null)
      await checkServer(context, { ...setup, interpreter: interpreterOf(setup.outputs) }, running);
    const standing = previous === null ? null : await readableManifest(prefix, previous);
    const server = await switchServing(context, { target, standing, running, setup });
    if (running !== null && server === null)
      emit({
        type: "warning",
        message: `generation ${target.generation} holds no server: generation ${running.generation} still serves`,
        hint: "stop it with tlsforge stop",
      });
    const { generation } = target;
    return {
      outcome: "done",
      exitCode: 0,
      fields: { prefix, generation, previous, server: server === null ? null : serverFields(server) },
      text: `Generation ${generation} is current${server === null ? "" : ` and serves on ${server.listen.join(", ")}`}.\n`,
    };
  } finally {
    await release();
  }
}

function unchanged(prefix: string, generation: number): Result {
  return {
    outcome: "unchanged",
    exitCode: 0,
    fields: { prefix, generation, previous: generation, server: null },
    text: `Generation ${generation} is the current one.\n`,
  };
}

interface Switch {
  readonly target: Manifest;
  /** What was current, when its manifest can be read. */
  readonly standing: Manifest | "damaged" | null;
  readonly running: ServerStatus | null;
  /** The server to launch; null when nothing is to be launched. */
  readonly setup: ServerSetup | null;
}

/** Switches, and switches back when the host or the server of the target fails. */
async function switchServing(context: Context, work: Switch): Promise<ServerStatus | null> {
  const { target, standing, running, setup } = work;
  const { emit, signal, options } = context;
  const { prefix } = options;
  const known = standing === "damaged" ? null : standing;
  await rollbackTo(prefix, target.generation, { what: "rollback", wait: options.wait, emit, signal });
  try {
    // A generation that only builds made has changed nothing of the machine.
    if (setup !== null || standing === "damaged" || target.host.length > 0 || (known?.host.length ?? 0) > 0)
      await restoreHost(context, target, known?.host);
    if (setup === null) return null;
    const server = await startServer(context, setup);
    const { config } = setup;
    await updateManifest(prefix, target.generation, {
      server: { configDigest: configDigest(config), listen: config.listen },
    });
    return server;
  } catch (error) {
    await switchBack(context, { target, standing: known, running });
    throw error;
  }
}

/** What was current is so again, and serves again when it did. The failure that led here is the one to tell. */
async function switchBack(
  context: Context,
  {
    target,
    standing,
    running,
  }: { readonly target: Manifest } & Pick<Switch, "running"> & {
      readonly standing: Manifest | null;
    },
): Promise<void> {
  const { prefix } = context.options;
  // An interrupted run has to leave the old server serving too.
  const patient = { ...context, signal: new AbortController().signal };
  const { emit, signal } = patient;
  try {
    if (standing !== null) {
      const changed = await readManifest(prefix, target.generation);
      await rollbackTo(prefix, standing.generation, { what: "rollback", wait: true, emit, signal });
      await restoreHost(patient, standing, changed?.host);
      emit({ type: "warning", message: `generation ${standing.generation} is current again` });
    }
    const served = running === null ? null : await readManifest(prefix, running.generation);
    if (served !== null && (await bringBack(patient, served)))
      emit({ type: "warning", message: `generation ${served.generation} is in service` });
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
    emit({
      type: "warning",
      message: `not everything came back: ${error.message}`,
      hint: error.hint ?? "run tlsforge provision",
    });
  }
}

/** What serves, or null. Throws `server-failed` when that cannot be told: then nothing may be switched. */
async function runningServer(prefix: string): Promise<ServerStatus | null> {
  const state = await status(prefix);
  if (state.state === "unknown")
    throw new ForgeError("server-failed", `what serves from ${prefix} cannot be told: ${state.reason}`, {
      hint: `look at ${serverPaths(prefix).log}; nothing was switched`,
    });
  return state.state === "serving" ? state.status : null;
}

/** Removes what no kept generation and no live process needs. */
export async function gc(
  context: Context,
  request: { readonly dryRun: boolean; readonly keep?: number },
): Promise<Result> {
  const { emit, signal, options } = context;
  const { removed, kept } = await collectGarbage(options.prefix, {
    what: "gc",
    wait: options.wait,
    emit,
    signal,
    now: Date.now(),
    ...request,
  });
  const freed = removed.reduce((sum, item) => sum + item.bytes, 0);
  const lines = [
    ...removed.map((item) => `${request.dryRun ? "would remove" : "removed"}  ${item.path}  (${item.why})`),
    ...kept.map((item) => `keep  ${item.path}  (${item.why})`),
    `${request.dryRun ? "Would free" : "Freed"} ${(freed / 1e6).toFixed(1)} MB.`,
  ];
  return {
    outcome: removed.length > 0 ? "done" : "unchanged",
    exitCode: 0,
    fields: { prefix: options.prefix, dryRun: request.dryRun, removed, kept, freedBytes: freed },
    text: `${lines.join("\n")}\n`,
  };
}

/** A generation's manifest; `damaged` when it cannot be read, which is what a rollback may be the remedy for. */
async function readableManifest(prefix: string, generation: number): Promise<Manifest | "damaged" | null> {
  try {
    return await readManifest(prefix, generation);
  } catch (error) {
    if (error instanceof ForgeError && error.code === "prefix-unusable") return "damaged";
    throw error;
  }
}

/** Parses the N of `rollback N`. */
function parseGeneration(text: string): number {
  if (/^[1-9]\d*$/.test(text)) return Number(text);
  throw new ForgeError("usage", `${JSON.stringify(text)} is no generation`, {
    hint: "use a number that tlsforge generations shows",
  });
}
