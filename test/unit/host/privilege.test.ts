import { expect, test } from "vitest";
import type { ForgeEvent } from "../../../src/events.ts";
import { elevate, findPrivilege } from "../../../src/host/privilege.ts";
import type { Host } from "../../../src/host/index.ts";

const ask = { uid: 1000, sudo: "/usr/bin/sudo", allowSudo: true, interactive: true, environment: {} };

test("privilege is root's, sudo's with a terminal, or none", () => {
  expect(findPrivilege({ ...ask, uid: 0 })).toBe("root");
  expect(findPrivilege(ask)).toBe("sudo");
  expect(findPrivilege({ ...ask, allowSudo: false })).toBe("none");
  expect(findPrivilege({ ...ask, sudo: null })).toBe("none");
});

test("without a terminal sudo is tried, and one that asks does not count", () => {
  expect(findPrivilege({ ...ask, sudo: "/bin/false", interactive: false })).toBe("none");
  expect(findPrivilege({ ...ask, sudo: "/bin/true", interactive: false })).toBe("sudo");
});

function elevated(privilege: Host["privilege"], interactive: boolean): { run: Host["elevated"]; trail: unknown[] } {
  const trail: unknown[] = [];
  const exec: Host["exec"] = (argv, options) => {
    trail.push({ argv, options });
    return Promise.resolve({ exitCode: 0, stdout: "", stderr: "" });
  };
  const emit = (event: ForgeEvent): void => void trail.push(event);
  return { run: elevate({ privilege, sudo: "/usr/bin/sudo", interactive, emit, exec }), trail };
}

test("root runs the command itself, after it was reported", async () => {
  const { run, trail } = elevated("root", false);
  await run(["ldconfig"], "why", { input: "x" });
  expect(trail).toEqual([
    { type: "host-command", argv: ["ldconfig"], elevated: true, why: "why" },
    { argv: ["ldconfig"], options: { input: "x" } },
  ]);
});

test("sudo never asks without a terminal, and gets the environment as arguments", async () => {
  const { run, trail } = elevated("sudo", false);
  await run(["ldconfig"], "why", { environment: { A: "b c" }, input: "x" });
  expect(trail[1]).toEqual({
    argv: ["/usr/bin/sudo", "-n", "--", "env", "A=b c", "ldconfig"],
    options: { input: "x" },
  });
});

test("sudo with a terminal names who asks", async () => {
  const { run, trail } = elevated("sudo", true);
  await run(["ldconfig"], "why");
  expect(trail[1]).toMatchObject({
    argv: ["/usr/bin/sudo", "-p", expect.stringContaining("tlsforge"), "--", "ldconfig"],
  });
});

test("without privilege nothing is reported or run", async () => {
  const { run, trail } = elevated("none", true);
  await expect(run(["ldconfig"], "the loader")).rejects.toMatchObject({
    code: "host-refused",
    message: expect.stringContaining('"ldconfig" (the loader)') as string,
  });
  expect(trail).toEqual([]);
});
