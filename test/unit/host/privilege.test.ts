import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { ForgeEvent } from "../../../src/events.ts";
import { elevate, findPrivilege, sudoArgv } from "../../../src/host/privilege.ts";
import type { Host } from "../../../src/host/index.ts";

const ask = { uid: 1000, sudo: "/usr/bin/sudo", allowSudo: true, interactive: true, environment: {} };

test("privilege is root's, sudo's with a terminal, or none, and why", () => {
  expect(findPrivilege({ ...ask, uid: 0 }).privilege).toBe("root");
  expect(findPrivilege(ask).privilege).toBe("sudo");
  expect(findPrivilege({ ...ask, allowSudo: false })).toEqual({
    privilege: "none",
    problem: expect.stringContaining("only used with --yes") as string,
  });
  expect(findPrivilege({ ...ask, sudo: null })).toEqual({
    privilege: "none",
    problem: "and there is no sudo on this machine",
  });
});

/** A sudo that says something and ends. */
async function sudoThat(says: string, exitCode: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tlsforge-sudo-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "sudo");
  await writeFile(path, `#!/bin/sh\necho '${says}' >&2\nexit ${exitCode}\n`);
  await chmod(path, 0o755);
  return path;
}

test("without a terminal sudo is tried, and one that asks does not count", async () => {
  const without = { ...ask, interactive: false };
  expect(findPrivilege({ ...without, sudo: await sudoThat("", 0) })).toEqual({ privilege: "sudo", problem: "" });
  expect(findPrivilege({ ...without, sudo: await sudoThat("sudo: a password is required", 1) })).toEqual({
    privilege: "none",
    problem: "and sudo asks for a password, which there is no terminal for",
  });
  expect(findPrivilege({ ...without, sudo: await sudoThat("sudo: /etc/sudoers: parse error", 1) })).toEqual({
    privilege: "none",
    problem: "and sudo refuses: sudo: /etc/sudoers: parse error",
  });
  expect(findPrivilege({ ...without, sudo: "/bin/false" }).problem).toBe("and sudo refuses");
});

test("sudo never asks without a terminal; with one it names who asks", () => {
  expect(sudoArgv("/usr/bin/sudo", false, ["a", "b"])).toEqual(["/usr/bin/sudo", "-n", "--", "a", "b"]);
  expect(sudoArgv("/usr/bin/sudo", true, ["a"])).toEqual([
    "/usr/bin/sudo",
    "-p",
    expect.stringContaining("tlsforge"),
    "--",
    "a",
  ]);
});

function elevated(privilege: Host["privilege"]): { run: Host["elevated"]; trail: unknown[] } {
  const trail: unknown[] = [];
  const as = (who: string): Host["exec"] => {
    return (argv, options) => {
      trail.push({ who, argv, options });
      return Promise.resolve({ exitCode: 0, stdout: "", stderr: "" });
    };
  };
  const emit = (event: ForgeEvent): void => void trail.push(event);
  const session = { run: as("session"), ended: false };
  return { run: elevate({ privilege, problem: "and why", emit, exec: as("us"), session: () => session }), trail };
}

test.each([
  ["root", "us"],
  ["sudo", "session"],
] as const)("%s: the command is reported, then run by %s", async (privilege, who) => {
  const { run, trail } = elevated(privilege);
  await run(["ldconfig"], "why", { input: "x" });
  expect(trail).toEqual([
    { type: "host-command", argv: ["ldconfig"], elevated: true, why: "why" },
    { who, argv: ["ldconfig"], options: { input: "x" } },
  ]);
});

test("without privilege nothing is reported or run", async () => {
  const { run, trail } = elevated("none");
  await expect(run(["ldconfig"], "the loader")).rejects.toMatchObject({
    code: "host-refused",
    message: '"ldconfig" (the loader) needs root, and why',
  });
  expect(trail).toEqual([]);
});
