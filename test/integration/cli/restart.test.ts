/** A server whose unit changes: its service manager starts it anew, here with a stand-in for both. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import type { Context } from "../../../src/cli/context.ts";
import { serve, type Gate, type Running } from "../../../src/cli/serve/serve.ts";
import type { ServerSetup } from "../../../src/cli/serve/setup.ts";
import type { ForgeEvent } from "../../../src/events.ts";
import {
  bundleOf,
  keepConfig,
  policyFor,
  serverConfig,
  status,
  type ServerStatus,
  type Supervisor,
} from "../../../src/server/index.ts";
import { makeFolders } from "../../../src/server/keep.ts";
import { describeWith } from "../../tools/needs.ts";
import { contextIn, freshFolder } from "./context.ts";
import { serverSite } from "../../tools/site.ts";

let context: Context;
let events: ForgeEvent[];
let setup: ServerSetup;
let running: Running;
let child: ChildProcess | null;
/** What happened, in order. */
let steps: string[];

const python = (): string => join(context.options.prefix, "python");

/** As the unit does: with the configuration that is kept. */
async function start(of: ServerSetup): Promise<void> {
  const started = spawn(python(), ["--bundle"], { stdio: ["pipe", "ignore", "ignore"] });
  child = started;
  started.stdin.end(JSON.stringify(await bundleOf(of.config)));
  await vi.waitFor(async () => expect((await status(context.options.prefix)).state).toBe("serving"), {
    timeout: 10_000,
  });
}

async function end(): Promise<void> {
  if (child === null) return;
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
  child = null;
}

/** A generation whose stand-in behaves like this. */
function made(generation: number, behaviour = "serve"): ServerSetup {
  const { prefix } = context.options;
  const config = serverConfig({
    site: { server: serverSite() },
    policy: policyFor("intermediate"),
    generation,
    prefix,
    certificates: [],
    libssl: "/p/libssl.so",
    about: { behaviour },
  });
  const supervisor: Supervisor = {
    manager: "systemd",
    name: "tlsforge-test",
    start: () => Promise.reject(new Error("nothing is to be started")),
    stop: () => Promise.reject(new Error("nothing is to be stopped")),
    restart: async () => {
      steps.push("restart");
      await end();
      await start(made(generation, behaviour));
    },
  };
  const outputs = {
    openssl: "/o",
    python: "/o",
    pythonTls: "/o",
    server: join(prefix, "server"),
    purpose: "service" as const,
  };
  return { config, outputs, authority: null, runner: { interpreter: python(), supervisor, user: null } };
}

beforeEach(async () => {
  events = [];
  steps = [];
  child = null;
  context = { ...contextIn(await freshFolder()), emit: (event) => void events.push(event) };
  const { prefix } = context.options;
  for (const generation of ["1", "2"]) await mkdir(join(prefix, "generations", generation), { recursive: true });
  const script = join(import.meta.dirname, "..", "server", "stand-in.mjs");
  await writeFile(python(), `#!${process.execPath}\nimport(${JSON.stringify(script)});\n`);
  await chmod(python(), 0o755);
  const first = made(1);
  await keepConfig(prefix, first.config);
  await makeFolders(prefix, first.config);
  await start(first);
  onTestFinished(end);
  const state = await status(prefix);
  if (state.state !== "serving") throw new Error("the first one does not serve");
  running = { status: state.status, supervisor: first.runner.supervisor };
  setup = made(2);
});

const restarted = (gate: Gate, of = setup): Promise<ServerStatus> =>
  serve(context, of, { running, gate, change: { unit: true }, ready: async () => steps.push("ready") });

describeWith(["linux"], "a changed unit", () => {
  test("has its server graded where it then serves: no trial in the old unit's sandbox can stand in its way", async () => {
    const graded: ServerStatus[] = [];
    const served = await restarted(async (server) => {
      steps.push("gate");
      graded.push(server);
    });
    expect(steps).toEqual(["ready", "restart", "gate"]);
    expect(served).toMatchObject({ generation: 2, role: "serving" });
    expect(graded).toEqual([served]);
    expect(served.pid).not.toBe(running.status.pid);
    expect(events).toContainEqual({
      type: "notice",
      message: expect.stringContaining("its sandbox changes") as string,
    });
  });

  test("what does not pass is the caller's to bring back", async () => {
    const refused = new Error("grade F");
    await expect(restarted(() => Promise.reject(refused))).rejects.toBe(refused);
    expect(await status(context.options.prefix)).toMatchObject({ state: "serving", status: { generation: 2 } });
  });

  test("a configuration that the new server refuses changes nothing", async () => {
    const told = made(2, '{"code": "policy-refused", "message": "no such group"}');
    await expect(restarted(() => Promise.resolve(), told)).rejects.toMatchObject({
      code: "server-failed",
      message: "The server refused to start: no such group",
    });
    expect(steps).toEqual([]);
    expect(await status(context.options.prefix)).toMatchObject({ status: { pid: running.status.pid } });
  });
});
