import { spawn } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { openSession, type Session, type SessionOptions } from "../../../src/host/session.ts";

const helper = [process.execPath, join(import.meta.dirname, "../../../src/host/root-helper.ts")];
const environment = { PATH: "/usr/bin:/bin" };
const alone: SessionOptions["alone"] = () => Promise.reject(new Error("was to go through the session"));

function open(more: Partial<SessionOptions> = {}): Session {
  const abort = new AbortController();
  onTestFinished(() => abort.abort());
  return openSession({ argv: helper, environment, signal: abort.signal, alone, ...more });
}

test("one process answers for each program what it left", async () => {
  const session = open();
  const run = (...argv: string[]): ReturnType<Session["run"]> => session.run(argv, {});
  expect(await session.run(["cat"], { input: "ä\n" })).toEqual({ exitCode: 0, stdout: "ä\n", stderr: "" });
  expect(await run("sh", "-c", "echo out; echo err >&2; exit 7")).toEqual({
    exitCode: 7,
    stdout: "out\n",
    stderr: "err\n",
  });
  expect(await run("no-such-program")).toMatchObject({
    exitCode: 127,
    stderr: expect.stringContaining("no-such") as string,
  });
  expect((await run("sh", "-c", "kill -9 $$")).exitCode).toBe(137);
  expect((await session.run(["sleep", "30"], { timeoutSeconds: 0.2 })).exitCode).toBe(124);
  expect((await session.run(["true"], { input: "x".repeat(1 << 20) })).exitCode).toBe(0);
  const parent = async (): Promise<string> => (await run("sh", "-c", "echo $PPID")).stdout;
  expect(await parent()).toBe(await parent());
});

test("argv is argv, and the environment is what was added", async () => {
  const session = open({ environment: { ...environment, SECRET: "x" } });
  const argv = ["printf", "%s|", "a b", "$HOME", "`id`", "", "ü\n"];
  expect((await session.run(argv, {})).stdout).toBe("a b|$HOME|`id`||ü\n|");
  const env = (await session.run(["env"], { environment: { A: "b c" } })).stdout.split("\n");
  expect(env).toEqual(expect.arrayContaining(["A=b c", "LC_ALL=C"]));
});

test("several at once get their own answers, also large ones", async () => {
  const session = open();
  const answers = await Promise.all(
    [5, 1, 3].map((count) => session.run(["head", "-c", String(count << 20), "/dev/zero"], {})),
  );
  expect(answers.map(({ stdout }) => stdout.length)).toEqual([5 << 20, 1 << 20, 3 << 20]);
});

test("an abort ends what runs and the session", async () => {
  const abort = new AbortController();
  const session = open({ signal: abort.signal });
  const pid = (await session.run(["sh", "-c", "echo $PPID"], {})).stdout.trim();
  const running = session.run(["sleep", "3333"], {});
  setTimeout(() => abort.abort(), 200);
  await expect(running).rejects.toMatchObject({ code: "interrupted" });
  await expect(session.run(["true"], {})).rejects.toMatchObject({ code: "interrupted" });
  expect(await ended(Number(pid))).toBe(true);
  expect(session.ended).toBe(true);
});

/** A program in the way of the helper, like sudo. */
async function program(text: string): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), "tlsforge-session-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "sudo");
  await writeFile(path, `#!/bin/sh\n${text}\n`);
  await chmod(path, 0o755);
  return [path, ...helper];
}

test("a sudo that refuses is told in its own words, without what would move a cursor", async () => {
  const session = open({
    argv: await program("printf 'Sorry, try again.\\nsudo: 3 incorrect \\033[2Jpassword attempts\\n' >&2; exit 1"),
  });
  await expect(session.run(["true"], {})).rejects.toMatchObject({
    code: "host-refused",
    message: "sudo gave no privilege: sudo: 3 incorrect  [2Jpassword attempts",
  });
});

test("a sudo that allows only certain programs is called for each", async () => {
  const words = "Sorry, user smith is not allowed to execute '/usr/bin/node' as root on here.";
  const session = open({
    argv: await program(`echo "${words}" >&2; exit 1`),
    alone: (argv) => Promise.resolve({ exitCode: 0, stdout: argv.join(" "), stderr: "" }),
  });
  expect((await session.run(["ldconfig", "-v"], {})).stdout).toBe("ldconfig -v");
});

test("what a login prints on the way is no answer", async () => {
  const session = open({ argv: await program('echo "Welcome {"; exec "$@"') });
  expect((await session.run(["echo", "x"], {})).stdout).toBe("x\n");
});

test("a helper that dies in the middle is told, and nobody waits for it", async () => {
  const session = open();
  await expect(session.run(["sh", "-c", "kill -9 $PPID; sleep 1"], {})).rejects.toMatchObject({ code: "host-refused" });
  expect(session.ended).toBe(true);
});

/** A run of ours: opens a session, tells the helper's process, and does what is asked. */
async function ours(then: string): Promise<{ child: ReturnType<typeof spawn>; helperPid: number }> {
  const module = join(import.meta.dirname, "../../../src/host/session.ts");
  const text = `import { openSession } from ${JSON.stringify(module)};
    const session = openSession({ argv: ${JSON.stringify(helper)}, environment: ${JSON.stringify(environment)}, alone: null });
    console.log((await session.run(["sh", "-c", "echo $PPID"], {})).stdout);
    ${then}`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", text], { stdio: ["ignore", "pipe", "inherit"] });
  const pid = await new Promise<number>((resolve) => {
    child.stdout.once("data", (data: Buffer) => resolve(Number(data.toString())));
  });
  return { child, helperPid: pid };
}

test("an open session keeps no run from ending, and ends with it", async () => {
  const { child, helperPid } = await ours("");
  expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(0);
  expect(await ended(helperPid)).toBe(true);
});

test("when we are killed, the helper and what it runs end", async () => {
  const { child, helperPid } = await ours('await session.run(["sleep", "4444"], {});');
  const sleeper = await childOf(helperPid);
  child.kill("SIGKILL");
  expect(await ended(helperPid)).toBe(true);
  expect(await ended(sleeper)).toBe(true);
});

async function childOf(pid: number): Promise<number> {
  const { execa } = await import("execa");
  for (let tries = 0; tries < 100; tries += 1) {
    const found = await execa("pgrep", ["-P", String(pid)], { reject: false });
    if (found.exitCode === 0) return Number(found.stdout.split("\n")[0]);
    await sleep(50);
  }
  throw new Error(`process ${pid} has no child`);
}

async function ended(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 100; tries += 1) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await sleep(50);
  }
  return false;
}
