import { execFileSync } from "node:child_process";
import { createServer } from "node:net";
import type { Server } from "node:net";
import { chmod, chown, copyFile, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ForgeEvent } from "../../../src/events.ts";
import {
  bundleOf,
  candidate,
  endCandidate,
  keepConfig,
  keepRefusal,
  launch,
  launchTrial,
  policyFor,
  reload,
  serverConfig,
  serverPaths,
  status,
  stop,
  takeOver,
} from "../../../src/server/index.ts";
import type { Bundle, LaunchOptions, ServerStatus } from "../../../src/server/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { serverSite } from "../../tools/site.ts";

let prefix: string;
let events: ForgeEvent[];
let started: number[];

beforeEach(async () => {
  prefix = await mkdtemp(join(tmpdir(), "tlsforge-srv-"));
  events = [];
  started = [];
  const script = join(import.meta.dirname, "stand-in.mjs");
  await writeFile(join(prefix, "python"), `#!${process.execPath}\nimport(${JSON.stringify(script)});\n`);
  await chmod(join(prefix, "python"), 0o755);
  await writeFile(join(prefix, "c.pem"), "a chain");
  await writeFile(join(prefix, "k.pem"), "its key");
});

afterEach(async () => {
  for (const pid of started) end(pid);
  await rm(prefix, { recursive: true, force: true });
});

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Our own child is left to be waited for, a moment after it has ended. */
async function ended(pid: number): Promise<void> {
  await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow("ESRCH"));
}

function options(behaviour: string, more: Partial<LaunchOptions> = {}): LaunchOptions {
  const config = serverConfig({
    site: {
      server: serverSite({ names: ["localhost"] }),
    },
    policy: policyFor("modern"),
    generation: 5,
    prefix,
    certificates: [{ chain: join(prefix, "c.pem"), key: join(prefix, "k.pem") }],
    libssl: "/x/libssl.so",
    about: { behaviour },
  });
  return {
    python: [join(prefix, "python"), "-I"],
    launcher: "/x/server",
    config,
    prefix,
    supervisor: null,
    emit: (event) => events.push(event),
    ...more,
  };
}

/** What a reload gives to a server. */
function given(): Promise<Bundle> {
  return bundleOf(options("serve").config);
}

async function launched(behaviour: string): Promise<ServerStatus> {
  const served = await launch(options(behaviour));
  started.push(served.pid);
  return served;
}

describeWith(["linux"], "launch, status, reload, stop", () => {
  it("starts a server in a closed environment, and it answers", async () => {
    const served = await launched("serve");
    expect(served.generation).toBe(5);
    const { log } = serverPaths(prefix);
    expect(served.policy["argv"]).toEqual(["-I", "-B", "/x/server", "--bundle"]);
    expect(served.policy["files"]).toEqual({
      [join(prefix, "c.pem")]: "a chain",
      [join(prefix, "k.pem")]: "its key",
    });
    expect(Object.keys(served.policy["environment"] as object).toSorted()).toEqual(["HOME", "LANG", "PATH"]);
    expect(served.policy["cwd"]).toBe("/");
    expect(events).toEqual([{ type: "server-log", line: "now listening on everything" }]);
    await expect(stat(`${log}.serving.stderr`)).rejects.toMatchObject({ code: "ENOENT" });
    expect(await status(prefix)).toMatchObject({ state: "serving", status: { pid: served.pid } });
  });

  it("reloads and stops it", async () => {
    await launched("serve");
    expect((await reload(prefix, await given())).generation).toBe(6);
    expect(await stop(prefix)).toBe("stopped");
    expect(await status(prefix)).toEqual({ state: "not-serving" });
    expect(await stop(prefix)).toBe("not-serving");
    await expect(reload(prefix, await given())).rejects.toMatchObject({ code: "not-serving" });
  });

  it("refuses a second server, and the first goes on", async () => {
    const served = await launched("serve");
    await expect(launch(options("silent"))).rejects.toMatchObject({
      code: "server-failed",
      message: `A server of this prefix already runs as process ${served.pid}`,
    });
    expect(await status(prefix)).toMatchObject({ state: "serving", status: { pid: served.pid } });
  });

  it("is not held up by what a killed server left", async () => {
    const served = await launched("serve");
    end(served.pid);
    await expect.poll(async () => (await status(prefix)).state).toBe("not-serving");
    await expect(stat(serverPaths(prefix).control)).resolves.toBeDefined();
    expect((await launched("serve")).pid).not.toBe(served.pid);
  });

  it("tells a refused certificate and keeps the server", async () => {
    await launched("bad-pair");
    await expect(reload(prefix, await given())).rejects.toMatchObject({
      code: "certificate-failed",
      message: "The server keeps what it had: /k.pem does not belong",
      hint: "renew it",
    });
    expect((await status(prefix)).state).toBe("serving");
  });

  it("tells the server's own reason when it refuses to start", async () => {
    const told = { code: "policy-refused", message: "OpenSSL refuses the groups X", hint: "choose others" };
    await expect(launch(options(JSON.stringify(told)))).rejects.toMatchObject({
      code: "server-failed",
      message: "The server refused to start: OpenSSL refuses the groups X",
      hint: "choose others",
    });
  });

  it("shows the last lines when it ends without a reason", async () => {
    await expect(launch(options("crash"))).rejects.toMatchObject({
      code: "server-failed",
      message: "The server ended before it served",
      details: expect.arrayContaining(["ImportError: no module named tlsforge_server"]),
    });
  });

  it("tells an interpreter that cannot be run", async () => {
    await expect(launch(options("serve", { python: ["/x/python", "-I"] }))).rejects.toMatchObject({
      code: "server-failed",
      details: expect.arrayContaining([expect.stringContaining("ENOENT")]),
    });
  });

  it("names the owner of a port in use", async () => {
    const holder = await listening();
    const { port } = holder.address() as { port: number };
    const told = { code: "port-in-use", message: "taken", listen: `127.0.0.1:${port}`, port };
    await expect(launch(options(JSON.stringify(told)))).rejects.toMatchObject({
      code: "port-in-use",
      message: expect.stringMatching(new RegExp(`^127.0.0.1:${port} is in use by process ${process.pid} \\(.*node`)),
    });
    holder.close();
  });

  it("ends a server that does not answer in time", async () => {
    const began = Date.now();
    const failure = launch(options("silent", { deadlineSeconds: 0.5 }));
    await expect(failure).rejects.toMatchObject({ message: "The server does not answer within 0.5 s of its start" });
    expect(Date.now() - began).toBeLessThan(3000);
  });

  it("ends the server when it is interrupted", async () => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 200);
    await expect(launch(options("silent", { signal: abort.signal }))).rejects.toMatchObject({ code: "interrupted" });
    expect(await status(prefix)).toEqual({ state: "not-serving" });
  });

  it("tells a folder that cannot be written", async () => {
    await writeFile(join(prefix, "var"), "");
    await expect(launch(options("serve"))).rejects.toMatchObject({ code: "prefix-unusable" });
  });
});

describeWith(["linux"], "status", () => {
  it("is not-serving when there is nothing, or only what a dead server left", async () => {
    expect(await status(join(prefix, "none"))).toEqual({ state: "not-serving" });
    await mkdir(join(prefix, "var"));
    await mkdir(serverPaths(prefix).run, { recursive: true });
    await writeFile(serverPaths(prefix).pid, `${process.pid}\n1\n`);
    expect(await status(prefix)).toEqual({ state: "not-serving" });
  });

  it("is unknown when the process lives and nothing answers, and then nothing is stopped", async () => {
    await mkdir(join(prefix, "var"));
    const start = (await readFile(`/proc/${process.pid}/stat`, "utf8")).split(") ").at(-1)?.split(" ")[19];
    await mkdir(serverPaths(prefix).run, { recursive: true });
    await writeFile(serverPaths(prefix).pid, `${process.pid}\n${start}\n`);
    const reason = expect.stringContaining(`process ${process.pid} of`);
    expect(await status(prefix)).toEqual({ state: "unknown", reason });
    await expect(stop(prefix)).rejects.toMatchObject({
      code: "server-failed",
      hint: `end it with: kill ${process.pid}`,
    });
    await expect(launch(options("serve"))).rejects.toMatchObject({ message: expect.stringContaining("already runs") });
  });

  it.each([
    ["garbage", "answers something else than the server's JSON"],
    ["other", "answers something else than a status"],
  ])("is unknown when the answer is %s", async (behaviour, reason) => {
    const server = await answering(behaviour === "garbage" ? "what?" : '{"ok": true, "status": {"pid": "one"}}');
    expect(await status(prefix)).toEqual({ state: "unknown", reason: expect.stringContaining(reason) });
    server.close();
  });

  it("is unknown when nothing comes, in bounded time", async () => {
    const server = await answering(null);
    expect(await status(prefix, 0.2)).toEqual({ state: "unknown", reason: expect.stringContaining("within 0.2 s") });
    server.close();
  });
});

describeWith(["linux"], "a trial beside what serves", () => {
  async function tried(behaviour: string): Promise<ServerStatus> {
    const trial = await launchTrial(options(behaviour));
    started.push(trial.pid);
    return trial;
  }

  it("has a socket of its own and leaves the one that serves", async () => {
    const served = await launched("serve");
    const trial = await tried("serve");
    expect(trial).toMatchObject({ role: "trial" });
    expect(await candidate(prefix, "trial")).toMatchObject({ pid: trial.pid });
    expect(await status(prefix)).toMatchObject({ state: "serving", status: { pid: served.pid, role: "serving" } });
  });

  it("takes over, or says why not", async () => {
    await launched("serve");
    await expect(takeOver(prefix, "trial")).rejects.toMatchObject({ code: "not-serving" });
    await tried("serve");
    expect(await takeOver(prefix, "trial")).toMatchObject({ role: "serving" });
    await endCandidate(prefix, "trial");
    await tried("taken");
    await expect(takeOver(prefix, "trial")).rejects.toMatchObject({
      code: "server-failed",
      message: "What serves stays: 127.0.0.1:8443 overlaps what serves",
      hint: "launch it",
    });
  });

  it("is ended, as is whoever stands by, when the server is stopped", async () => {
    const served = await launched("serve");
    const trial = await tried("serve");
    expect(await stop(prefix)).toBe("stopped");
    for (const pid of [served.pid, trial.pid]) await ended(pid);
    await endCandidate(prefix, "trial");
    expect(await candidate(prefix, "trial")).toBeNull();
  });

  it("that hangs is ended by force, and holds up neither a stop nor the next trial", { timeout: 60_000 }, async () => {
    const served = await launched("serve");
    const trial = await tried("serve");
    process.kill(trial.pid, "SIGSTOP");
    expect(await candidate(prefix, "trial")).toBeNull();
    await endCandidate(prefix, "trial");
    await ended(trial.pid);
    const next = await tried("serve");
    process.kill(next.pid, "SIGSTOP");
    expect(await stop(prefix)).toBe("stopped");
    for (const pid of [served.pid, next.pid]) await ended(pid);
  });

  it("whose socket is gone is found by its pid file", async () => {
    const trial = await tried("serve");
    await rm(serverPaths(prefix).trial);
    expect(await stop(prefix)).toBe("not-serving");
    await ended(trial.pid);
  });

  it("that answers no status and names no process is not taken for none", { timeout: 60_000 }, async () => {
    const { trial } = serverPaths(prefix);
    const server = await answering('{"ok": true, "status": {"pid": "one"}}', trial);
    const failed = { code: "server-failed", message: `a process (trial) still runs: ${trial} answers no status` };
    await expect(stop(prefix)).rejects.toMatchObject(failed);
    server.close();
    await expect(stop(prefix)).resolves.toBe("not-serving");
  });

  it("has a pid file that a role change left: the one that serves is not ended for it", async () => {
    const served = await launched("serve");
    const paths = serverPaths(prefix);
    for (const left of [paths.trialPid, paths.standbyPid]) await copyFile(paths.pid, left);
    await endCandidate(prefix, "trial");
    await endCandidate(prefix, "standby");
    expect(await status(prefix)).toMatchObject({ state: "serving", status: { pid: served.pid } });
  });

  it("is refused with its own reason", async () => {
    await expect(
      launchTrial(options('{"code": "certificate-refused", "message": "no key", "hint": "renew it"}')),
    ).rejects.toMatchObject({ code: "certificate-failed", message: "The server refused to start: no key" });
  });
});

describeWith(["linux"], "what the server's user could put into the run folder", () => {
  const ownText = async (): Promise<string> =>
    `${process.pid}\n${(await readFile(`/proc/${process.pid}/stat`, "utf8")).split(") ").at(-1)?.split(" ")[19]}\n`;

  it.each<[string, (pid: string) => Promise<unknown> | void]>([
    ["a pipe that nobody writes to", (pid) => void execFileSync("mkfifo", [pid])],
    [
      "a link",
      async (pid) => {
        await writeFile(`${pid}.there`, await ownText());
        await symlink(`${pid}.there`, pid);
      },
    ],
    ["a folder", (pid) => mkdir(pid)],
    ["a long file", async (pid) => writeFile(pid, `${await ownText()}${"\n".repeat(100)}`)],
    ["a number beyond every process", (pid) => writeFile(pid, `${"9".repeat(40)}\n\n`)],
  ])("in a pid file's place: %s names nobody", async (_, put) => {
    await mkdir(serverPaths(prefix).run, { recursive: true });
    await put(serverPaths(prefix).pid);
    expect(await status(prefix)).toEqual({ state: "not-serving" });
  });

  it("in a status: commands to a terminal do not get through", async () => {
    const escape = "\u001B]0;owned\u0007\u009B2J\u202E";
    const told = { pid: 1, generation: 1, configDigest: "", listen: [escape], certificates: [{ names: [escape] }] };
    const server = await answering(JSON.stringify({ ok: true, status: { ...told, lastError: `a${escape}\nb` } }));
    const text = JSON.stringify(await status(prefix));
    expect(text).toContain("owned");
    expect(text).not.toMatch(/[\p{Cc}\u202e]|\\[nu]/u);
    server.close();
  });

  it("a reload that was refused before the server was asked is told in its status and its log, of that process alone", async () => {
    const told = { pid: 17, generation: 1, configDigest: "", listen: [], certificates: [] };
    const server = await answering(JSON.stringify({ ok: true, status: { ...told, lastError: null } }));
    const lastError = async (): Promise<unknown> => {
      const found = await status(prefix);
      return found.state === "serving" ? found.status.lastError : found;
    };
    const { log } = serverPaths(prefix);
    await writeFile(log, "");
    await keepRefusal(prefix, 16, "of another");
    expect(await lastError()).toBeNull();
    await keepRefusal(prefix, 17, "the key is lost\u001B[2J");
    expect(await lastError()).toBe("the key is lost [2J");
    expect(await readFile(log, "utf8")).toMatch(
      /^\S+\+0000 \[tlsforge#error\] reload refused: the key is lost \[2J\n/m,
    );
    await keepConfig(prefix, options("").config);
    expect(await lastError()).toBeNull();
    await rm(log);
    await symlink("/dev/null", log);
    await keepRefusal(prefix, 17, "again");
    expect(await lastError()).toBe("again");
    server.close();
  });

  it("of a reload that was refused here and one that the server refused, the later one is told", async () => {
    const told = { pid: 17, generation: 1, configDigest: "", listen: [], certificates: [], lastError: "by the server" };
    const server = await answering(JSON.stringify({ ok: true, status: told }));
    await keepRefusal(prefix, 17, "here");
    expect(await status(prefix)).toMatchObject({ status: { lastError: "here" } });
    await reload(prefix, { config: "", files: {} });
    expect(await status(prefix)).toMatchObject({ status: { lastError: "by the server" } });
    server.close();
  });
});

describeWith(["linux", "root"], "a pid file of another user's (root)", () => {
  it("does not have somebody else's process taken for the server", async () => {
    const { run, pid } = serverPaths(prefix);
    await mkdir(run, { recursive: true });
    const start = (await readFile(`/proc/${process.pid}/stat`, "utf8")).split(") ").at(-1)?.split(" ")[19];
    await writeFile(pid, `${process.pid}\n${start}\n`);
    expect(await status(prefix)).toMatchObject({ state: "unknown" });
    await chown(pid, 54_321, 54_321);
    expect(await status(prefix)).toEqual({ state: "not-serving" });
  });
});

async function answering(line: string | null, at = serverPaths(prefix).control): Promise<Server> {
  await mkdir(join(prefix, "var", "run"), { recursive: true });
  const server = createServer((socket) => {
    socket.on("error", () => {});
    if (line !== null) socket.end(`${line}\n`);
  });
  await new Promise<void>((resolve) => server.listen(at, resolve));
  return server;
}

async function listening(): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}
