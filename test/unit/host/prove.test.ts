import { expect, test } from "vitest";
import { memoryHost, provePort } from "../../../src/host/index.ts";
import type { MemoryInitial, ProveOptions } from "../../../src/host/index.ts";

const copy = "/p/var/low-port/bin/python3";
const options: ProveOptions = { address: "[::]:443", method: "socket", interpreter: "/p/bin/python3" };

const outcomes = async (answer: object, more: Partial<ProveOptions> = {}, initial: MemoryInitial = {}) => {
  const host = memoryHost({ ...initial, answers: { "/p/bin/python3": answer } });
  return (await provePort(host, { ...options, ...more })).map(({ outcome, message }) => [outcome, message]);
};

test.each<[string, object, Partial<ProveOptions>, string, string]>([
  ["refused", { stdout: "EACCES\n" }, {}, "pass", "another user is refused it (EACCES as uid 65534)"],
  ["refused by mac_portacl", { stdout: "EPERM\n" }, {}, "pass", "refused it (EPERM"],
  [
    "bound",
    { stdout: "bound\n" },
    {},
    "fail",
    "every user of this machine may bind port 443, and host.low-port: socket",
  ],
  ["allowed and taken", { stdout: "EADDRINUSE\n" }, { method: "ambient" }, "fail", "every user of this machine"],
  [
    "allowed by the sysctl",
    { stdout: "bound\n" },
    { method: "sysctl" },
    "info",
    "which is how host.low-port: sysctl works",
  ],
  ["free for everyone", { stdout: "bound\n" }, { method: "not-needed" }, "info", "by the machine's own setting"],
  ["another error", { stdout: "EADDRNOTAVAIL\n" }, {}, "unknown", "(EADDRNOTAVAIL)"],
  ["no interpreter", { exitCode: 127, stderr: "python3: command not found\n" }, {}, "unknown", "command not found"],
  ["no answer in time", { exitCode: 124 }, {}, "unknown", "is not known"],
])("the port is tried by another user: %s", async (_name, answer, more, outcome, message) => {
  expect(await outcomes(answer, more)).toEqual([[outcome, expect.stringContaining(message)]]);
});

test("an ordinary user tries it as itself, with the address taken apart", async () => {
  const host = memoryHost({ uid: 1001, privilege: "none", answers: { "/p/bin/python3": { stdout: "EACCES\n" } } });
  await provePort(host, options);
  expect(host.commands.at(-1)?.argv.slice(-4)).toEqual(["1001", "1001", "::", "443"]);
  expect(host.commands.every(({ elevated }) => !elevated)).toBe(true);
});

test.each<[string, { others?: string; environment?: string; privilege?: "root" | "none" }, readonly string[]]>([
  ["as it shall be", {}, ["pass", "pass", "pass"]],
  ["every user can run it", { others: "ran\n" }, ["pass", "fail", "pass"]],
  ["it takes a policy from the environment", { environment: "3 1 1\n" }, ["pass", "pass", "fail"]],
  ["OpenSSL reads no configuration at all", { environment: "3 3 3\n" }, ["pass", "pass", "pass"]],
  ["it does not start", { environment: "3 1 ImportError: libpython\n", others: "" }, ["pass", "unknown", "unknown"]],
  ["nobody may become another user", { privilege: "none" }, ["pass", "unknown", "pass"]],
])("a file capability is tried on the copy: %s", async (_name, given, expected) => {
  const { others = "EACCES\n", environment = "3 1 3\n", privilege = "root" } = given;
  const host = memoryHost({
    privilege,
    files: { [copy]: { content: "x", mode: 0o750, gid: 998 } },
    answers: {
      "/p/bin/python3": ([, , , code = ""]) => ({
        stdout: code.includes("socket") ? "EACCES\n" : code.includes("execv") ? others : environment,
      }),
    },
  });
  const proofs = await provePort(host, { ...options, method: "file-capability", copy });
  expect(proofs.map(({ outcome }) => outcome)).toEqual(expected);
  expect(proofs.filter(({ outcome, fix }) => outcome === "fail" && fix === null)).toEqual([]);
});

test("a copy that is not there fails", async () => {
  expect(await outcomes({ stdout: "EACCES\n" }, { method: "file-capability", copy })).toMatchObject([
    ["pass", expect.anything()],
    ["fail", `${copy} is not there`],
  ]);
});
