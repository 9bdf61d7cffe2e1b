import { ForgeError } from "../../errors.ts";
import {
  candidate,
  configDigest,
  keepRefusal,
  serverPaths,
  status as serverStatus,
  stop as stopServer,
  type ServerStatus,
} from "../../server/index.ts";
import { lockPrefix, readManifest, updateManifest, type Manifest } from "../../store/index.ts";
import type { Site } from "../../recipe/index.ts";
import type { Context } from "../context.ts";
import { exposureOf, recordedExposure } from "../serve/exposure.ts";
import { hostWishes, runnerOf } from "../machine/host-changes.ts";
import { keepSite, withSiteFile } from "../serve/kept-site.ts";
import { loadSiteFor } from "../make/load.ts";
import { machine } from "../make/prepare.ts";
import { serverFields, type Result, type ServerFields } from "../result.ts";
import { reloadServer, serve, serverChange } from "../serve/serve.ts";
import { certificateLines, certificateWarnings } from "../serve/served.ts";
import { serverOutputs, setUpServer, type ServerSetup } from "../serve/setup.ts";
import { bringBack, runningServer, supervisorOfRunning } from "../serve/standing.ts";
import { vulnerableText } from "../serve/vulnerable.ts";

/** Starts the server of the current generation as the site file says. */
export async function launch(context: Context): Promise<Result> {
  return withServer(context, "launch", async (context, current, setup) => {
    const { prefix } = context.options;
    const before = await serverStatus(prefix);
    const { action } = await serverChange(prefix, before, setup.config);
    if (action === "none" && before.state === "serving") return told(context, before.status, "unchanged");
    const status =
      action === "reload"
        ? await reloadServer(context, setup)
        : await startOrComeBack(context, current.manifest, setup);
    await recordServer(context, current, setup);
    return told(context, status, "done");
  });
}

/** Starts the server for a caller that stays with it. Refused where a service manager starts it, or one serves already. */
export async function startInForeground(context: Context): Promise<ServerStatus> {
  let started: ServerStatus | null = null;
  await withServer(context, "launch", async (context, current, setup) => {
    const { supervisor } = setup.runner;
    if (supervisor !== null)
      throw new ForgeError("usage", `${supervisor.manager} starts the server of ${context.options.prefix}`, {
        hint: "leave --foreground out, or set host.service: none in the site file",
      });
    started = await serve(context, setup, { running: null, foreground: true });
    await recordServer(context, current, setup);
    return told(context, started, "done");
  });
  if (started === null) throw new ForgeError("server-failed", "the server was not started");
  return started;
}

/** The current generation, and the site that its server is asked for with. */
interface Current {
  readonly manifest: Manifest;
  readonly site: Site;
}

async function recordServer(context: Context, { manifest, site }: Current, { config }: ServerSetup): Promise<void> {
  const { prefix, config: file } = context.options;
  const digest = configDigest(config);
  await keepSite(prefix, manifest.generation, site, file);
  await updateManifest(prefix, manifest.generation, {
    server: { configDigest: digest, listen: config.listen },
    // It serves something else than the inputs of its provision say: to the next one that is not nothing to do.
    ...(digest === manifest.server?.configDigest ? {} : { fingerprint: "" }),
    ...(manifest.vulnerable === undefined ? {} : { exposed: recordedExposure(context, config, manifest) }),
  });
}

/** Starts the server; when that fails, what served before serves again. */
async function startOrComeBack(context: Context, manifest: Manifest, setup: ServerSetup): Promise<ServerStatus> {
  const { prefix } = context.options;
  const running = await runningServer(context);
  try {
    return await serve(context, setup, { running });
  } catch (error) {
    if (running !== null) {
      const served = (await readManifest(prefix, running.status.generation)) ?? manifest;
      await bringBack(context, { what: "launch", current: null, served });
    }
    throw error;
  }
}

/**
 * Gives a running server new certificates and settings; no connection and no listener is closed. What it cannot change while it runs is refused,
 * and what is not right is: then all stays as it was, and `status` tells why.
 */
export async function reload(context: Context): Promise<Result> {
  let asked = false;
  try {
    return await withServer(context, "reload", async (found, current, setup) => {
      asked = true;
      const status = await reloadServer(found, setup);
      await recordServer(found, current, setup);
      return told(found, status, "done");
    });
  } catch (error) {
    if (!asked) await tellServing(context, error);
    throw error;
  }
}

/** Keeps what is wrong with what was given for the server that goes on without it. */
async function tellServing({ options: { prefix } }: Context, error: unknown): Promise<void> {
  if (!(error instanceof ForgeError) || !["certificate-failed", "site-invalid"].includes(error.code)) return;
  const serving = await serverStatus(prefix);
  if (serving.state === "serving") await keepRefusal(prefix, serving.status.pid, error.message);
}

/** Stops the server of this prefix, and waits until it is gone. */
export async function stop(context: Context): Promise<Result> {
  const outcome = await stopServer(context.options.prefix, await supervisorOfRunning(context));
  const text = outcome === "stopped" ? "Stopped.\n" : "Nothing was serving.\n";
  return {
    outcome: outcome === "stopped" ? "done" : "unchanged",
    exitCode: 0,
    fields: { prefix: context.options.prefix, server: null },
    text,
  };
}

/** Whether the prefix's server serves: exit 0 when it does, 1 when it does not or cannot tell. */
export async function status(context: Context): Promise<Result> {
  const { prefix } = context.options;
  const state = await serverStatus(prefix);
  if (state.state === "serving") return told(context, state.status, "done", await candidate(prefix, "standby"));
  if (state.state === "unknown")
    throw new ForgeError("server-failed", state.reason, { hint: `look at ${serverPaths(prefix).log}` });
  throw new ForgeError("not-serving", `nothing serves from ${prefix}`, {
    hint: "start it with tlsforge launch, or make it with tlsforge provision",
  });
}

/** Acts on the server of the current generation, by its own site file where none is given. */
async function withServer(
  given: Context,
  what: string,
  act: (context: Context, current: Current, setup: ServerSetup) => Promise<Result>,
): Promise<Result> {
  const { emit, signal, options } = given;
  const manifest = await readManifest(options.prefix);
  if (manifest === null)
    throw new ForgeError("not-found", `there is no generation in ${options.prefix}`, {
      hint: "run tlsforge provision first",
    });
  const release = await lockPrefix(options.prefix, { what, wait: options.wait, emit, signal });
  try {
    const context = await withSiteFile(given, manifest);
    const exposed = exposureOf(context, manifest);
    const { site, stack } = await loadSiteFor(context, manifest.stack, (_stack, address) => exposed(address));
    const host = machine(context, site);
    const outputs = serverOutputs(stack, manifest.builds);
    const wishes = await hostWishes(context, { site, host, outputs });
    const runner = await runnerOf(host, wishes);
    const setup = await setUpServer(context, { site, host, outputs, runner, manifest });
    return await act(context, { manifest, site }, setup);
  } finally {
    await release();
  }
}

function told(
  context: Context,
  status: ServerStatus,
  outcome: "done" | "unchanged",
  standsBy: ServerStatus | null = null,
): Result {
  const due = certificateWarnings(status.certificates, context.program);
  const troubles = status.troubles ?? [];
  const lines = [
    `Serving    ${status.listen.join(", ")}`,
    `Process    ${status.pid} (workers ${status.workers.join(", ")})`,
    `Generation ${status.generation}`,
    ...(standsBy === null
      ? []
      : [`Stands by  generation ${standsBy.generation}, until ${standsBy.until ?? "it is stopped"}`]),
    ...certificateLines(status.certificates),
    ...due.map((warning) => `Warning    ${warning}`),
    ...(status.lastError === null ? [] : [`Last reload failed, what served before it serves: ${status.lastError}`]),
    ...troubles.map((trouble) => `Trouble    ${trouble}`),
    ...vulnerableText(status.vulnerable ?? [], [...status.listen, ...(status.redirect ?? [])]),
  ];
  const failed = status.lastError === null ? [] : [status.lastError];
  return {
    outcome,
    exitCode: 0,
    fields: {
      prefix: context.options.prefix,
      server: { ...serverFields(status), standingBy: standingFields(standsBy), policy: status.policy },
      warnings: [...failed, ...troubles, ...due],
      ...(status.vulnerable === undefined ? {} : { vulnerable: status.vulnerable }),
    },
    text: `${lines.join("\n")}\n`,
  };
}

function standingFields(standsBy: ServerStatus | null): NonNullable<ServerFields["standingBy"]> | null {
  if (standsBy === null) return null;
  const { pid, generation, until } = standsBy;
  return { pid, generation, until };
}
