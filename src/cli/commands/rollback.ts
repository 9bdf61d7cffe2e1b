import { ForgeError } from "../../errors.ts";
import { candidate, configDigest, takeOver, type ServerStatus } from "../../server/index.ts";
import {
  currentGeneration,
  lockPrefix,
  openPrefix,
  readManifest,
  rollbackTarget,
  rollbackTo,
  updateManifest,
  type Manifest,
} from "../../store/index.ts";
import type { Context } from "../context.ts";
import { serverFields, type Result } from "../result.ts";
import { checkServer, serve, switchFor, type Running } from "../serve/serve.ts";
import { interpreterOf, type ServerSetup } from "../serve/setup.ts";
import { vulnerableText } from "../serve/vulnerable.ts";
import { applyHostOf, bringBack, freshSetup, readServerConfig, restoreHost, runningServer } from "../serve/standing.ts";

/**
 * Goes back to a generation (the one before the current, unless named): view, host resources, and the server when one runs. One that still
 * stands by takes over at once; else it is started beside the one that serves. When anything of it fails, what was current and served before comes back.
 */
export async function rollback(context: Context, named: string | undefined): Promise<Result> {
  const wanted = named === undefined ? undefined : parseGeneration(named);
  const { emit, signal, options } = context;
  const { prefix } = options;
  // A lock would make it.
  await openPrefix(prefix, { create: false });
  const release = await lockPrefix(prefix, { what: "rollback", wait: options.wait, emit, signal });
  try {
    const previous = await currentGeneration(prefix);
    if (wanted !== undefined && wanted === previous) return unchanged(prefix, wanted);
    const target = await rollbackTarget(prefix, wanted);
    if (target.report !== null && !target.accepted)
      emit({
        type: "warning",
        message: `generation ${target.generation} did not reach its grade when it was made`,
        hint: `tlsforge generations lists those that did; its report is ${target.report.path}`,
      });
    const running = await runningServer(context);
    const standing = previous === null ? null : await readableManifest(prefix, previous);
    const server = await switchServing(context, { target, standing, running });
    if (running !== null && server === null)
      emit({
        type: "warning",
        message: `generation ${target.generation} holds no server: generation ${running.status.generation} still serves`,
        hint: "stop it with tlsforge stop",
      });
    const { generation } = target;
    return {
      outcome: "done",
      exitCode: 0,
      fields: {
        prefix,
        generation,
        previous,
        server: server === null ? null : serverFields(server),
        ...(target.vulnerable === undefined ? {} : { vulnerable: target.vulnerable }),
      },
      text: [
        `Generation ${generation} is current${server === null ? (running === null ? ", and nothing serves" : "") : ` and serves on ${server.listen.join(", ")}`}.`,
        ...vulnerableText(target.vulnerable ?? []),
        "",
      ].join("\n"),
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

interface Change {
  readonly target: Manifest;
  /** What was current, when its manifest can be read. */
  readonly standing: Manifest | "damaged" | null;
  readonly running: Running | null;
}

/** Switches, and switches back when the host or the server of the target fails. Gives what serves then; null when nothing of the target does. */
async function switchServing(context: Context, change: Change): Promise<ServerStatus | null> {
  const { target, standing, running } = change;
  const known = standing === "damaged" ? null : standing;
  try {
    const server = running === null ? null : await serveTarget(context, { target, known, running });
    if (server !== null) return server;
    await makeCurrent(context, target);
    // A generation that only builds made has changed nothing of the machine.
    const held = standing === "damaged" || target.host.length > 0 || (known?.host.length ?? 0) > 0;
    if (held && (await freshSetup(context, target, "planned")) !== null)
      await restoreHost(context, target, known?.host);
    return null;
  } catch (error) {
    await switchBack(context, { target, standing: known, running });
    throw error;
  }
}

function makeCurrent(context: Context, { generation }: Manifest): Promise<Manifest> {
  const { emit, signal, options } = context;
  return rollbackTo(options.prefix, generation, { what: "rollback", wait: options.wait, emit, signal });
}

/** The target's server in place of the one that runs; null when the target has none. */
async function serveTarget(
  context: Context,
  { target, known, running }: { readonly target: Manifest; readonly known: Manifest | null; readonly running: Running },
): Promise<ServerStatus | null> {
  const { prefix } = context.options;
  if (await standsBy(prefix, target)) {
    await makeCurrent(context, target);
    const server = await takeOver(prefix, "standby");
    await restoreHost(context, target, known?.host);
    return server;
  }
  const planned = await freshSetup(context, target, "planned");
  if (planned === null) return null;
  const handsOver = switchFor(running, planned) === "hand-over";
  if (!handsOver) {
    await checkServer(context, besideOthers(planned), running);
    await makeCurrent(context, target);
    await applyHostOf(context, target, known?.host);
  }
  // An account that was not there before is there now, and whoever starts as root becomes it.
  const complete =
    context.uid !== 0 || planned.config.user !== null || planned.runner.supervisor?.manager === "systemd";
  const setup = complete ? planned : ((await freshSetup(context, target, "applied")) ?? planned);
  const ready = (): Promise<Manifest> => makeCurrent(context, target);
  const server = await serve(context, handsOver ? besideOthers(setup) : setup, { running, ready });
  await restoreHost(context, target, known?.host);
  const { config } = setup;
  await updateManifest(prefix, target.generation, {
    server: { configDigest: configDigest(config), listen: config.listen },
  });
  return server;
}

/** What takes over gets open sockets, so it needs no interpreter that may open low ports. */
function besideOthers(setup: ServerSetup): ServerSetup {
  return { ...setup, runner: { ...setup.runner, interpreter: interpreterOf(setup.outputs) } };
}

/** Whether the server that stands by is the target's as it was last launched. */
async function standsBy(prefix: string, target: Manifest): Promise<boolean> {
  const there = await candidate(prefix, "standby");
  if (there === null || there.generation !== target.generation) return false;
  const config = await readServerConfig(prefix, target.generation);
  return config !== null && configDigest(config) === there.configDigest;
}

/** What was current is so again, and serves again when it did. The failure that led here is the one to tell. */
async function switchBack(
  context: Context,
  { target, standing, running }: Change & { readonly standing: Manifest | null },
): Promise<void> {
  const { prefix } = context.options;
  try {
    const replaced = (await readManifest(prefix, target.generation))?.host;
    const switched = standing !== null && (await currentGeneration(prefix)) !== standing.generation;
    const served = running === null ? null : await readManifest(prefix, running.status.generation);
    await bringBack(context, { what: "rollback", current: switched ? standing : null, served, replaced });
    if (switched) context.emit({ type: "warning", message: `generation ${standing.generation} is current again` });
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
    context.emit({
      type: "warning",
      message: `not everything came back: ${error.message}`,
      hint: error.hint ?? "run tlsforge provision",
    });
  }
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
