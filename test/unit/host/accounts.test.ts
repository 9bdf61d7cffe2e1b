import { describe, expect, test } from "vitest";
import { memoryHost, undoHost } from "../../../src/host/index.ts";
import type { MemoryHost, MemoryInitial, Resource } from "../../../src/host/index.ts";
import { changes, ignore, planOf, provide } from "./tools.ts";

const asked = { origin: "default", demanded: true } as const;
const group: Resource = { ...asked, kind: "group", id: "group:tlsforge", name: "tlsforge" };
const user: Resource & { kind: "user" } = {
  ...asked,
  kind: "user",
  id: "user:tlsforge",
  name: "tlsforge",
  group: "tlsforge",
  home: "/opt/tlsforge/var",
};
const programs = { useradd: "/usr/sbin/useradd", groupadd: "/usr/sbin/groupadd" };
const comment = "tlsforge service account";

function machine(passwd: string, groups: string, more: MemoryInitial = {}): MemoryHost {
  return memoryHost({ programs, ...more, files: { "/etc/passwd": passwd, "/etc/group": groups } });
}

/** The commands of each family, as its own manual has them: useradd(8) of shadow, busybox's adduser(1) and addgroup(1), FreeBSD's pw(8). */
test.each<[string, MemoryInitial, readonly string[]]>([
  [
    "shadow",
    {},
    [
      "groupadd --system tlsforge",
      `useradd --system --gid tlsforge --home-dir /opt/tlsforge/var --no-create-home --shell /sbin/nologin --comment ${comment} tlsforge`,
      "userdel tlsforge",
      "groupdel tlsforge",
    ],
  ],
  [
    "busybox",
    { programs: { adduser: "/usr/sbin/adduser", addgroup: "/usr/sbin/addgroup" } },
    [
      "addgroup -S tlsforge",
      `adduser -S -D -H -h /opt/tlsforge/var -s /sbin/nologin -g ${comment} -G tlsforge tlsforge`,
      "deluser tlsforge",
      "delgroup tlsforge",
    ],
  ],
  [
    "FreeBSD",
    { platform: { os: "freebsd", arch: "x86_64", libc: "none" }, programs: {} },
    [
      "pw groupadd -n tlsforge -g 998",
      `pw useradd -n tlsforge -u 997 -g tlsforge -d /opt/tlsforge/var -s /usr/sbin/nologin -c ${comment}`,
      "pw userdel -n tlsforge",
      "pw groupdel -n tlsforge",
    ],
  ],
])("%s makes and removes them", async (_name, more, commands) => {
  const host = machine("root:x:0:0::/root:/bin/sh\n", "root:x:0:\nlast:x:999:\n", more);
  const groups = await provide(host, group);
  const users = await provide(host, user);
  expect(users.records[0]?.data["uid"]).toMatch(/^99\d$/);
  expect(await undoHost(host, [...groups.records, ...users.records], ignore)).toEqual([]);
  expect(changes(host)).toEqual(commands);
  expect(host.files.get("/etc/passwd")?.content).not.toContain("tlsforge");
});

describe("an account that is there already", () => {
  const line = (uid: number, shell: string, words = "web"): string => `tlsforge:x:${uid}:998:${words}:/x:${shell}\n`;

  test.each([
    ["an ordinary user's", line(1000, "/usr/sbin/nologin"), "which is an ordinary user's"],
    ["one that can log in", line(998, "/bin/bash"), "can log in (/bin/bash)"],
    ["root under another name", line(0, "/usr/sbin/nologin"), "tlsforge is root"],
    ["one of another group", "tlsforge:x:998:5:web:/x:/bin/false\n", "is there with group 5, not 998"],
  ])("%s is refused", async (_name, passwd, reason) => {
    const host = machine(passwd, "tlsforge:x:998:\n");
    expect(await planOf(host, user)).toMatchObject({
      action: "blocked",
      reason: expect.stringContaining(reason) as string,
    });
    await expect(provide(host, user)).rejects.toMatchObject({ code: "host-refused" });
    expect(changes(host)).toEqual([]);
  });

  test("a system account without login is used, and not ours to remove", async () => {
    const host = machine(line(500, "/bin/false"), "tlsforge:x:998:\n");
    const { plan, records } = await provide(host, user);
    expect(plan.action).toBe("none");
    expect(records).toEqual([]);
    expect((await provide(host, group)).records).toEqual([]);
  });

  test("one of a directory service is found", async () => {
    const host = machine("", "tlsforge:x:998:\n", {
      programs: { ...programs, getent: "/usr/bin/getent" },
      answers: {
        "getent group": { exitCode: 2 },
        "getent passwd tlsforge": { stdout: "tlsforge:*:70000:70000:Of the directory:/home/t:/bin/bash\n" },
      },
    });
    expect(await planOf(host, user)).toMatchObject({
      action: "blocked",
      reason: expect.stringContaining("uid 70000") as string,
    });
  });

  test("one that the directory service does not tell of is unknown, not absent", async () => {
    const host = machine("", "", {
      programs: { ...programs, getent: "/usr/bin/getent" },
      answers: { getent: { exitCode: 1, stderr: "no answer" } },
    });
    expect(await planOf(host, user)).toMatchObject({
      action: "blocked",
      reason: expect.stringContaining("cannot be told") as string,
    });
  });

  test("a group of ordinary users is refused", async () => {
    expect(await planOf(machine("", "tlsforge:x:1000:\n"), group)).toMatchObject({
      action: "blocked",
      reason: expect.stringContaining("gid 1000") as string,
    });
    expect(await planOf(machine("", "tlsforge:x:0:\n"), group)).toMatchObject({ reason: "tlsforge is root's group" });
  });
});

test("an account that became another since stays", async () => {
  const host = machine("", "tlsforge:x:998:\n");
  const { records } = await provide(host, user);
  const made = host.files.get("/etc/passwd")?.content ?? "";
  host.files.set("/etc/passwd", { content: made.replace(":998:998:", ":555:998:") });
  expect(await undoHost(host, records, ignore)).toEqual(records);
  host.files.set("/etc/passwd", { content: made.replace(comment, "mine") });
  expect(await undoHost(host, records, ignore)).toEqual(records);
  host.files.set("/etc/passwd", { content: made });
  expect(await undoHost(host, records, ignore)).toEqual([]);
});

test("a group that somebody else is in stays", async () => {
  const host = machine("", "");
  const { records } = await provide(host, group);
  host.files.set("/etc/group", { content: "tlsforge:x:998:alice\n" });
  expect(await undoHost(host, records, ignore)).toEqual(records);
});

test("without programs, on macOS, or under a name that no account can have, it says so", async () => {
  expect(await planOf(machine("", "", { programs: {} }), user)).toMatchObject({
    action: "blocked",
    reason: expect.stringContaining("neither useradd") as string,
  });
  const mac = { platform: { os: "darwin", arch: "aarch64", libc: "none" } } as const;
  expect(await planOf(machine("", "", mac), group)).toMatchObject({
    action: "blocked",
    reason: expect.stringContaining("macOS") as string,
  });
  expect(await planOf(machine("", ""), { ...user, name: "-x" })).toMatchObject({
    action: "blocked",
    reason: '"-x" cannot be the name of an account',
  });
});
