import { expect, test } from "vitest";
import { execa } from "execa";
import { join } from "node:path";
import { describeWith } from "../../tools/needs.ts";
import { inSandbox } from "./sandbox.ts";

describeWith(["linux", "root", "cleanroot", "unshare", "ldconfig", "cc"], "the loader entry, for real", () => {
  test("stands in the cache, changes no other entry, and goes without a trace", async () => {
    expect(await inSandbox({ scenario: "loader" })).toEqual({
      plan: "create",
      listed: [
        expect.stringMatching(
          /libtest-tlsforge\.so\.1 .* => \/opt\/tlsforge-test\/store\/\S+\/lib\/libtest-tlsforge\.so\.1$/,
        ),
      ],
      lost: [],
      again: "none",
      quick: [],
      standing: [],
      restored: true,
    });
  });

  test("is refused for a library that the system has under the same name", async () => {
    const change = String.raw`libc\.so\.6 from /\S+/libc\.so\.6 -> /opt/tlsforge-test/store/\S+/lib/libc\.so\.6; `;
    const list = new RegExp(String.raw`^it would change what other programs load: (?:/\S+: ${change}){5}and \d+ more$`);
    expect(await inSandbox({ scenario: "clash" })).toEqual({
      plans: [{ action: "blocked", reason: expect.stringMatching(list) as string }],
      left: [],
      untouched: true,
    });
  });
});

describeWith(["linux", "root", "cleanroot", "unshare", "cc", "all"], "the list of musl's loader, for real", () => {
  test("has musl's own folders and then ours, and goes without a trace", async () => {
    expect(await inSandbox({ scenario: "musl", network: true })).toEqual({
      action: "create",
      before: [false, true],
      during: {
        starts: [true, true],
        text: "/lib:/usr/local/lib:/usr/lib\n/opt/tlsforge-test/store/0123456789abcdef-openssl-3.5.7/lib\n",
      },
      standing: [],
      after: [false, true],
      left: false,
    });
  });
});

describeWith(["linux", "root", "cleanroot", "unshare", "python3"], "low ports, for real", () => {
  test("the sysctl opens them for every user, and closes them again", async () => {
    expect(await inSandbox({ scenario: "sysctl" })).toEqual({
      action: "create",
      before: false,
      during: { bound: true, below: false },
      file: expect.stringContaining("# It was 1024\nnet.ipv4.ip_unprivileged_port_start = 443\n") as string,
      again: "none",
      quick: [],
      standing: [],
      after: false,
      left: false,
    });
  });
});

describeWith(
  ["linux", "root", "cleanroot", "unshare", "python3", "setcap", "getcap"],
  "the private interpreter, for real",
  () => {
    test("binds for its group, runs for nobody else, and the shared one gains nothing", async () => {
      expect(await inSandbox({ scenario: "capability" })).toEqual({
        action: "create",
        facts: "cap_net_bind_service=ep, mode 0750, group nogroup",
        member: { bound: true, detail: "" },
        stranger: { bound: false, detail: expect.stringContaining("EACCES") as string },
        shared: { bound: false, detail: expect.stringContaining("Permission denied") as string },
        again: "none",
        quick: [],
        standing: [],
        left: false,
      });
    });
  },
);

describeWith(["cleanroot", "all"], "in a clean root, for real", () => {
  const cleanRoot = async (): Promise<string> =>
    (await execa(join(import.meta.dirname, "../../tools/cleanroot"), ["image"])).stdout;

  const refused = (reason: string): object => ({
    action: "blocked",
    reason: `needs root, ${reason}`,
    message: `loader-path:tlsforge cannot be applied: needs root, ${reason}`,
    left: false,
  });

  test("an ordinary user changes the machine through one sudo, or is told why not", { timeout: 300_000 }, async () => {
    const password = "and sudo asks for a password, which there is no terminal for";
    expect(await inSandbox({ lower: await cleanRoot(), network: true, scenario: "sudo" })).toEqual({
      without: refused("and there is no sudo on this machine"),
      stranger: refused(password),
      password: refused(password),
      free: {
        uid: 1000,
        privilege: "sudo",
        made: { patch: true, library: "/opt/tlsforge-test/store/0123456789abcdef-openssl-3.5.7/lib", owner: 0 },
        standing: [],
        left: false,
      },
      // Asked for once whether it needs a password, then opened once for everything.
      calls: ["true", "node"],
    });
  });

  test(
    "packages are installed without lists, alternatives decided, and removed again",
    { timeout: 300_000 },
    async () => {
      expect(await inSandbox({ lower: await cleanRoot(), network: true, scenario: "packages" })).toEqual({
        action: "update",
        current: "tar",
        added: expect.arrayContaining(["make", "patch"]) as string[],
        again: "none",
        quick: [],
        standing: [],
        restored: true,
      });
    },
  );
});
