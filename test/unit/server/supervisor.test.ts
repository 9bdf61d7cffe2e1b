import { describe, expect, test } from "vitest";
import { ForgeError } from "../../../src/errors.ts";
import { memoryHost, type MemoryAnswer, type MemoryHost } from "../../../src/host/index.ts";
import { supervisorOf, type Supervisor } from "../../../src/server/index.ts";

type Manager = Supervisor["manager"];

const ran = (host: MemoryHost, elevated: boolean): readonly string[] =>
  host.commands.filter((command) => command.elevated === elevated).map(({ argv }) => argv.join(" "));

const fine: Readonly<Record<string, MemoryAnswer>> = { systemctl: {}, "rc-service": {}, service: {} };

describe("the commands of each service manager", () => {
  test.each<[Manager, "start" | "stop" | "restart", readonly string[]]>([
    // The service alone: not each has a socket, and one that has requires it.
    ["systemd", "start", ["systemctl reset-failed t.socket t.service", "systemctl start t.service"]],
    // The socket first: a client would start a service that is stopped alone.
    ["systemd", "stop", ["systemctl stop t.socket t.service"]],
    // Not the socket: what it holds stays open.
    ["systemd", "restart", ["systemctl reset-failed t.socket t.service", "systemctl restart t.service"]],
    ["openrc", "start", ["rc-service t start"]],
    ["openrc", "stop", ["rc-service t stop"]],
    ["openrc", "restart", ["rc-service t restart"]],
    ["rc.d", "start", ["service t start"]],
    ["rc.d", "stop", ["service t stop"]],
    ["rc.d", "restart", ["service t restart"]],
  ])("%s: %s", async (manager, what, commands) => {
    const host = memoryHost({ answers: fine });
    await supervisorOf(host, manager, "t")[what]();
    expect(ran(host, true)).toEqual(commands);
    expect(ran(host, false)).toEqual([]);
  });

  test("what was never started has nothing to be forgotten, and starts", async () => {
    const host = memoryHost({ answers: { ...fine, "systemctl reset-failed": { exitCode: 1, stderr: "not loaded" } } });
    await expect(supervisorOf(host, "systemd", "t").start()).resolves.toBeUndefined();
    await expect(supervisorOf(host, "systemd", "t").restart()).resolves.toBeUndefined();
  });
});

describe("a service without a socket, as systemctl answers", () => {
  const noSocket = { exitCode: 5, stderr: "Failed to stop t.socket: Unit t.socket not loaded.\n" };
  const stopped = (alone: MemoryAnswer) => {
    const answers = { ...fine, journalctl: {}, "systemctl stop t.socket": noSocket, "systemctl stop t.service": alone };
    const host = memoryHost({ answers });
    return { host, result: supervisorOf(host, "systemd", "t").stop() };
  };

  test("is stopped", async () => {
    const { host, result } = stopped({});
    await result;
    expect(ran(host, true)).toEqual(["systemctl stop t.socket t.service", "systemctl stop t.service"]);
  });

  test("that is not there either needs no stop", async () => {
    await expect(stopped(noSocket).result).resolves.toBeUndefined();
  });

  test("that does not stop is told, although the socket's exit code comes first", async () => {
    await expect(stopped({ exitCode: 1, stderr: "Job canceled" }).result).rejects.toMatchObject({
      code: "server-failed",
      message: "systemd could not stop t",
      details: ["Job canceled"],
    });
  });

  test.each(["start", "restart"] as const)("%s: a service that is not there is a failure", async (what) => {
    const answer = { exitCode: 5, stderr: "Unit t.service not found." };
    const host = memoryHost({ answers: { ...fine, journalctl: {}, [`systemctl ${what}`]: answer } });
    await expect(supervisorOf(host, "systemd", "t")[what]()).rejects.toMatchObject({
      message: `systemd could not ${what} t`,
      details: ["Unit t.service not found."],
    });
  });
});

/** What is thrown when systemd cannot start a service, with this in the journal. */
async function refused(journal: MemoryAnswer, answer: MemoryAnswer = { exitCode: 1 }): Promise<ForgeError> {
  const host = memoryHost({ answers: { ...fine, "systemctl start": answer, journalctl: journal } });
  const error = await supervisorOf(host, "systemd", "t")
    .start()
    .then(
      () => null,
      (reason: unknown) => reason,
    );
  if (!(error instanceof ForgeError)) throw new Error("nothing was refused");
  const [words = "", ...more] = ran(host, false);
  expect(more).toEqual([]);
  // Only what was said since the start was asked for.
  const [, since] =
    /^journalctl --no-pager -q -o cat -n 30 -u t\.service -u t\.socket --since @(\d+)$/.exec(words) ?? [];
  expect(Math.abs(Date.now() / 1000 - Number(since))).toBeLessThan(60);
  return error;
}

const line = (message: unknown): string => JSON.stringify({ error: { code: "port-in-use", message } });

describe("a service that does not start", () => {
  test("is told with the server's own reason, and where to see the rest", async () => {
    const error = await refused({ stdout: `Starting t...\n${line("0.0.0.0:443 is in use")}\nt.service: Failed\n` });
    expect(error).toMatchObject({
      code: "server-failed",
      message: "systemd could not start t: 0.0.0.0:443 is in use",
      hint: expect.stringContaining("journalctl") as string,
    });
    expect(error.details).toContain("t.service: Failed");
  });

  test("a start that was tried again leaves several reasons: the last counts", async () => {
    const error = await refused({ stdout: `${line("the key is damaged")}\n${line("0.0.0.0:443 is in use")}\n` });
    expect(error.message).toMatch(/: 0\.0\.0\.0:443 is in use$/);
  });

  test.each<[string, MemoryAnswer]>([
    ["is empty", {}],
    ["cannot be read", { exitCode: 1, stderr: "no permission" }],
    ["is not there", { exitCode: 127 }],
    ["holds other JSON", { stdout: 'null\n1\n"x"\n{}\n{"error":null}\n{"error":{"message":1}}\n{broken\n' }],
  ])("is told without a reason when the journal %s", async (_, journal) => {
    expect((await refused(journal)).message).toBe("systemd could not start t");
  });

  test("what the manager itself said comes first, and nothing is empty", async () => {
    const answer = { exitCode: 5, stderr: "Job failed\nsee the status\n", stdout: "" };
    expect((await refused({ stdout: "\n\nlast words\n" }, answer)).details).toEqual([
      "Job failed",
      "see the status",
      "last words",
    ]);
    expect((await refused({}, { exitCode: 124 })).details).toEqual([]);
  });

  test("a long journal is told by its end", async () => {
    const words = Array.from({ length: 30 }, (_, index) => `word ${index}`);
    expect((await refused({ stdout: words.join("\n") })).details).toEqual(words.slice(-12));
  });

  test("no control character of it reaches the terminal, written out or as JSON", async () => {
    const escape = "\u001B]0;owned\u0007";
    const error = await refused(
      { stdout: `${escape}raw\r\n${line(`port ${escape} taken\nby whom`)}\n` },
      { exitCode: 1, stderr: `${escape}job\u009B2J` },
    );
    for (const text of [error.message, error.hint ?? "", ...error.details]) expect(text).not.toMatch(/\p{Cc}/u);
    expect(error.message).toContain("taken by whom");
  });

  test.each<[Manager, string, string]>([
    ["openrc", "rc-service t stop", "openrc could not stop t"],
    ["rc.d", "service t restart", "rc.d could not restart t"],
    ["systemd", "systemctl restart", "systemd could not restart t"],
  ])("%s: any exit code but 0 is a failure", async (manager, command, message) => {
    const host = memoryHost({ answers: { ...fine, journalctl: {}, [command]: { exitCode: 3 } } });
    const supervisor = supervisorOf(host, manager, "t");
    await expect(command.includes("stop") ? supervisor.stop() : supervisor.restart()).rejects.toMatchObject({
      code: "server-failed",
      message,
    });
  });

  test("without privilege it is not tried", async () => {
    const host = memoryHost({ uid: 1000, privilege: "none", answers: fine });
    await expect(supervisorOf(host, "openrc", "t").stop()).rejects.toMatchObject({ code: "host-refused" });
    expect(host.commands).toEqual([]);
  });
});
