import { readFile } from "node:fs/promises";
import path from "node:path";
import { ForgeError } from "../../errors.ts";
import {
  bundleOf,
  candidate,
  checkLaunch,
  configDigest,
  endCandidate,
  keepConfig,
  launch,
  launchTrial,
  overlaps,
  reload,
  servesFiles,
  status,
  stop,
  takeOver,
  type LaunchOptions,
  type ServerConfig,
  type ServerState,
  type ServerStatus,
  type Supervisor,
} from "../../server/index.ts";
import type { Context } from "../context.ts";
import { isolation, type ServerSetup } from "./setup.ts";

/** What serves now, and the service manager that started it. */
export interface Running {
  readonly status: ServerStatus;
  readonly supervisor: Supervisor | null;
}

/** How a server comes into service: where none serves; beside the one that serves; in its place under the same sockets; or after it has stopped. */
export type Switch = "start" | "hand-over" | "restart" | "relaunch";

/** What has changed of a service's units since the server was started. */
export interface ServiceChange {
  readonly unit?: boolean;
  /** Also that there is one now, or none any more. */
  readonly socket?: boolean;
}

/**
 * What the new server has to live up to: a trial before it serves anybody, and one that had to be started in the old one's place as it serves.
 * Throws to keep the old one, or to have it brought back.
 */
export type Gate = (server: ServerStatus) => Promise<void>;

/**
 * How a configuration can come into service. Sockets are handed over as they are, so an address that overlaps one that is open, without
 * being it, needs the old server to stop first; so does another service manager. A changed unit takes effect when its process is started anew.
 */
export function switchFor(
  running: Running | null,
  setup: {
    readonly config: Pick<ServerConfig, "listen" | "redirect" | "vulnerable">;
    readonly runner: Pick<ServerSetup["runner"], "supervisor">;
  },
  change: ServiceChange = {},
): Switch {
  if (running === null) return "start";
  const { supervisor } = setup.runner;
  if (running.supervisor?.manager !== supervisor?.manager || running.supervisor?.name !== supervisor?.name)
    return "relaunch";
  // A server that is only reproduced passes nothing on.
  if (running.status.handsOver === false || setup.config.vulnerable !== undefined) return "relaunch";
  const held = [...running.status.listen, ...(running.status.redirect ?? [])];
  const wanted = [...setup.config.listen, ...setup.config.redirect];
  const collides = wanted.some((address) => !held.includes(address) && held.some((other) => overlaps(address, other)));
  const moved = held.length !== wanted.length || wanted.some((address) => !held.includes(address));
  // Under systemd the sockets belong to the socket unit, which only opens them when it is started.
  if (collides || (supervisor?.manager === "systemd" && (moved || change.socket === true))) return "relaunch";
  return change.unit === true ? "restart" : "hand-over";
}

/**
 * Brings a generation's server into service, and keeps its configuration with the generation. Where one serves already, the new one is
 * started beside it and has to pass the gate first; no connection is refused when it takes over. `ready` is called right before that. After a
 * restart the gate is asked of what serves then. Throws the errors of `launch` and what the gate throws: then what served before still does,
 * but after `ready` was called for a restart or a relaunch, when it is the caller's to bring it back.
 */
export async function serve(
  context: Context,
  setup: ServerSetup,
  work: {
    readonly running: Running | null;
    readonly gate?: Gate;
    readonly ready?: () => Promise<unknown>;
    readonly change?: ServiceChange;
    /** It talks on our standard error, and ends with us. */
    readonly foreground?: boolean;
  },
): Promise<ServerStatus> {
  const { prefix } = context.options;
  const { running, gate, ready = async () => undefined, change = {}, foreground = false } = work;
  const { config, runner } = setup;
  const way = switchFor(running, setup, change);
  await endCandidate(prefix, "trial");
  const options = { ...launchOptions(context, setup), foreground };
  const former = await readConfig(generationFile(prefix, config.generation, "server.json"));
  // Before anything may start it, and with `ready` in one step: a boot at any moment starts a program with its own configuration.
  const commit = async (): Promise<void> => {
    await keepConfig(prefix, config);
    await ready();
  };
  const ways: Readonly<Record<Switch, () => Promise<ServerStatus>>> = {
    start: async () => {
      if (runner.supervisor !== null) {
        // Its sockets may be open with nobody behind them.
        await runner.supervisor.stop();
        await checkLaunch(options, []);
      }
      await commit();
      return launch(options);
    },
    "hand-over": async () => {
      await tried(options, gate);
      await commit();
      return takeOver(prefix, "trial");
    },
    restart: async () => {
      // A trial would be in the sandbox of the old unit, which may refuse what the new one allows.
      await checkServer(context, setup, running);
      context.emit({
        type: "notice",
        message: "the server is started anew by its service manager, and graded after that: its sandbox changes",
      });
      await commit();
      await runner.supervisor?.restart();
      const anew = await servingNow(prefix, setup);
      await gate?.(anew);
      return anew;
    },
    relaunch: async () => {
      await checkServer(context, setup, running);
      context.emit({
        type: "notice",
        message: "the server stops before the new one starts: its addresses or its service manager change",
      });
      await commit();
      await stop(prefix, running?.supervisor ?? null);
      return launch(options);
    },
  };
  try {
    return await ways[way]();
  } catch (error) {
    if (former !== null) await keepConfig(prefix, former);
    throw error;
  }
}

/** Starts a trial and holds it to the gate; it is ended when it does not pass. */
async function tried(options: LaunchOptions, gate: Gate | undefined): Promise<void> {
  try {
    const trial = await launchTrial(options);
    await gate?.(trial);
  } catch (error) {
    await endCandidate(options.prefix, "trial");
    throw error;
  }
}

async function servingNow(prefix: string, { config }: ServerSetup): Promise<ServerStatus> {
  const state = await status(prefix);
  if (state.state === "serving" && state.status.configDigest === configDigest(config)) return state.status;
  throw new ForgeError("server-failed", "the service was started anew and does not serve its configuration", {
    hint: `look into ${config.paths.log ?? "the journal"}`,
  });
}

/** Whether a generation's server could take over from the one that runs. Nothing is stopped or started. Throws the errors of a launch. */
export async function checkServer(context: Context, setup: ServerSetup, running: Running | null): Promise<void> {
  const held = await heldBy(context.options.prefix, running?.status ?? null);
  await checkLaunch(launchOptions(context, setup), held);
}

/** The addresses of who serves and who stands by. */
export async function heldBy(prefix: string, serving: ServerStatus | null): Promise<readonly string[]> {
  const standsBy = await candidate(prefix, "standby");
  return [serving, standsBy].flatMap((each) => [...(each?.listen ?? []), ...(each?.redirect ?? [])]);
}

/** Gives the running server a configuration that differs in nothing but what a reload can change. When it refuses, everything stays as it was. */
export async function reloadServer(context: Context, setup: ServerSetup): Promise<ServerStatus> {
  const { prefix } = context.options;
  const reloaded = await reload(prefix, await bundleOf(setup.config));
  await keepConfig(prefix, setup.config);
  return reloaded;
}

function launchOptions(context: Context, setup: ServerSetup): LaunchOptions {
  const { config, runner } = setup;
  const { emit, signal, options } = context;
  return {
    prefix: options.prefix,
    ...runnable(setup),
    config,
    supervisor: runner.supervisor,
    emit,
    signal,
  };
}

/** Path of a file that belongs to a generation. */
export function generationFile(prefix: string, generation: number, name: string): string {
  return path.join(prefix, "generations", String(generation), name);
}

/** What has to happen for a configuration to be served, and why. */
export interface ServerChange {
  readonly action: "none" | "launch" | "relaunch" | "reload";
  readonly why: string;
}

/** Compares a prefix's server with the configuration that it is to have. Reads only. */
export async function serverChange(prefix: string, state: ServerState, config: ServerConfig): Promise<ServerChange> {
  if (state.state === "not-serving") return { action: "launch", why: "nothing serves" };
  if (state.state === "unknown") return { action: "relaunch", why: `its state cannot be told: ${state.reason}` };
  const running = state.status;
  if (running.configDigest === configDigest(config)) {
    if (!servesFiles(running, config)) return { action: "reload", why: "the certificate files have changed" };
    if (running.lastError !== null) return { action: "reload", why: `the last reload failed: ${running.lastError}` };
    return { action: "none", why: "it serves this configuration" };
  }
  const former = await readConfig(generationFile(prefix, running.generation, "server.json"));
  if (former === null || configDigest(former) !== running.configDigest)
    return { action: "relaunch", why: "it serves another configuration" };
  const names = (Object.keys(config) as (keyof ServerConfig)[]).filter(
    (name) => JSON.stringify(config[name]) !== JSON.stringify(former[name]),
  );
  return names.join() === "certificates"
    ? { action: "reload", why: "the certificates have changed" }
    : { action: "relaunch", why: `its configuration changes: ${names.join(", ")}` };
}

/** A configuration file, or null when there is none or it is damaged. */
export async function readConfig(file: string): Promise<ServerConfig | null> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as ServerConfig;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** The interpreter and program to start. */
function runnable({ outputs, runner }: ServerSetup): { readonly python: readonly string[]; readonly launcher: string } {
  return {
    python: [runner.interpreter, ...isolation(outputs)],
    launcher: path.join(outputs.server, "bin", "tlsforge-server"),
  };
}
