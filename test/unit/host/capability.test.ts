import { expect, test } from "vitest";
import { memoryHost, quickCheckHost, undoHost } from "../../../src/host/index.ts";
import type { MemoryHost, MemoryInitial, Resource } from "../../../src/host/index.ts";
import { changes, ignore, planOf, provide, snapshot } from "./tools.ts";

const source = "/opt/tlsforge/store/p/bin/python3";
const copy = "/opt/tlsforge/var/low-port/bin/python3";
const resource: Resource & { kind: "capability" } = {
  kind: "capability",
  id: "capability:interpreter",
  origin: "default",
  source,
  copy,
  capability: "cap_net_bind_service",
  demanded: true,
};
/** Programs as far as anybody here looks: static ones for x86-64. */
const program = `\u007fELF\u0002\u0001${"\0".repeat(58)}interpreter`;
const newer = program.replace("interpreter", "newer");
const tools = { setcap: "/usr/sbin/setcap", getcap: "/usr/sbin/getcap" };

function machine(initial: MemoryInitial = {}): MemoryHost {
  return memoryHost({
    programs: tools,
    ...initial,
    files: { [source]: { content: program, mode: 0o755 }, ...initial.files },
  });
}

test("a private copy is made, the capability last, and taken back", async () => {
  const host = machine();
  const before = snapshot(host);
  const { plan, records } = await provide(host, resource);
  expect(plan).toMatchObject({ action: "create", current: null, desired: "cap_net_bind_service=ep, mode 0750" });
  expect(plan.effect).toContain("OpenSSL ignores its environment");
  const fresh = "/opt/tlsforge/var/low-port/bin/.python3.new";
  expect(changes(host).slice(-4)).toEqual([
    `cp -L ${source} ${fresh}`,
    `chmod 0750 ${fresh}`,
    `setcap cap_net_bind_service+ep ${fresh}`,
    `mv -f ${fresh} ${copy}`,
  ]);
  expect(host.files.get(copy)).toMatchObject({
    content: program,
    mode: 0o750,
    capabilities: "cap_net_bind_service=ep",
  });
  expect(host.files.get("/opt/tlsforge/var/low-port/pyvenv.cfg")?.content).toBe(
    `home = /opt/tlsforge/store/p/bin\ninclude-system-site-packages = true\ntlsforge-source = ${source}\n`,
  );
  expect(host.files.get(source)?.capabilities).toBeUndefined();
  expect(await quickCheckHost(host, records)).toEqual([]);

  expect(await undoHost(host, records, ignore)).toEqual([]);
  expect(snapshot(host)).toEqual(before);
});

test("applied twice, the second time nothing is run", async () => {
  const host = machine();
  const first = await provide(host, resource);
  const count = changes(host).length;
  const again = await provide(host, resource);
  expect(again.plan.action).toBe("none");
  expect(changes(host)).toHaveLength(count);
  expect(again.records[0]?.data).toEqual(first.records[0]?.data);
});

test.each<[string, (host: MemoryHost) => void]>([
  ["the interpreter is another", (host) => host.files.set(source, { content: newer, mode: 0o755 })],
  ["the capability was lost", (host) => host.files.set(copy, { content: program, mode: 0o750 })],
  [
    "everybody may run it",
    (host) => host.files.set(copy, { content: program, mode: 0o755, capabilities: "cap_net_bind_service=ep" }),
  ],
  [
    "it may do more",
    (host) =>
      host.files.set(copy, {
        content: program,
        mode: 0o750,
        capabilities: "cap_net_bind_service,cap_sys_admin=ep",
      }),
  ],
])("renewed when %s", async (_name, change) => {
  const host = machine();
  await provide(host, resource);
  change(host);
  expect((await planOf(host, resource)).action).toBe("update");
  await provide(host, resource);
  expect(host.files.get(copy)).toMatchObject({
    mode: 0o750,
    capabilities: "cap_net_bind_service=ep",
    content: host.files.get(source)?.content,
  });
});

test("quick check sees a copy that is gone or open to all", async () => {
  const host = machine();
  const { records } = await provide(host, resource);
  host.files.set(copy, { content: program, mode: 0o755 });
  expect(await quickCheckHost(host, records)).toEqual([{ id: resource.id, stands: false }]);
  host.files.delete(copy);
  expect(await quickCheckHost(host, records)).toEqual([{ id: resource.id, stands: false }]);
});

test("for an ordinary user only the capability itself is elevated", async () => {
  const host = machine({ uid: 1000, privilege: "sudo" });
  await provide(host, resource);
  expect(changes(host)).toEqual(["setcap cap_net_bind_service+ep /opt/tlsforge/var/low-port/bin/.python3.new"]);
});

test("with a group the copy is root's and the group's before it gets the capability", async () => {
  const host = machine({ files: { "/etc/group": "root:x:0:\ntlsforge:x:1000:\n" } });
  const wanted = { ...resource, group: "tlsforge" };
  const { plan } = await provide(host, wanted);
  expect(plan.effect).toContain("root and group tlsforge");
  const programs = changes(host).map((line) => line.split(" ")[0]);
  expect(programs.slice(-5)).toEqual(["cp", "chown", "chmod", "setcap", "mv"]);
  expect(host.files.get(copy)?.capabilities).toBe("cap_net_bind_service=ep");
  expect((await planOf(host, wanted)).action).toBe("none");
  expect((await planOf(host, { ...resource, group: "root" })).action).toBe("update");
  // One that is not there yet is made before it.
  expect((await planOf(host, { ...resource, group: "later" })).action).toBe("update");
});

test("a directory service's group is a group", async () => {
  const host = machine({
    programs: { setcap: "/sbin/setcap", getcap: "/sbin/getcap", getent: "/usr/bin/getent" },
    answers: { "getent group tlsforge": { stdout: "tlsforge:*:1000:\n" } },
    files: { "/etc/group": "root:x:0:\ntlsforge:x:1000:\n" },
  });
  const wanted = { ...resource, group: "tlsforge" };
  await provide(host, wanted);
  host.files.set("/etc/group", { content: "root:x:0:\n" });
  expect((await planOf(host, wanted)).action).toBe("none");
});

test("another environment around the same interpreter is another original", async () => {
  const other = "/opt/tlsforge/store/q/bin/python3";
  const host = machine({ files: { [other]: { content: program, mode: 0o755 } } });
  await provide(host, resource);
  expect((await planOf(host, { ...resource, source: other })).action).toBe("update");
});

test("in a virtual environment the copy gets the same packages", async () => {
  const host = machine({ files: { "/opt/tlsforge/store/p/pyvenv.cfg": "home = /base/bin\n" } });
  await provide(host, resource);
  expect(host.files.get("/opt/tlsforge/var/low-port/pyvenv.cfg")?.content).toBe(
    `home = /base/bin\ntlsforge-source = ${source}\n`,
  );
  expect(host.files.get("/opt/tlsforge/var/low-port/lib")).toEqual({
    content: "/opt/tlsforge/store/p/lib",
    kind: "link",
  });
});

test.each<[string, MemoryHost, string]>([
  ["no setcap", machine({ programs: {} }), "setcap or getcap is missing (Debian: libcap2-bin)"],
  ["no interpreter", memoryHost({ programs: tools }), `${source} is not there yet`],
  [
    "a script in its place",
    machine({ files: { [source]: "#!/bin/sh\n" } }),
    `${source} is no program of this machine's format, so a capability has no effect on it`,
  ],
  [
    "a run path that a capability voids",
    machine({ files: { [source]: { content: null, bytes: elfWith("$ORIGIN/../lib") } } }),
    `${source} looks for libraries in $ORIGIN/../lib, which the loader does not do for a program with a capability`,
  ],
  [
    "a damaged program",
    machine({ files: { [source]: { content: null, bytes: elfWith("/p/lib").subarray(0, 100) } } }),
    `${source} looks for libraries in a place that cannot be read, which the loader does not do for a program with a capability`,
  ],
  ["a folder in its place", machine({ files: { [`${copy}/x`]: "" } }), `${copy} is there and is no file`],
  [
    "FreeBSD",
    machine({ platform: { os: "freebsd", arch: "x86_64", libc: "none" } }),
    "file capabilities are Linux's only",
  ],
])("blocked by %s", async (_name, host, reason) => {
  expect(await planOf(host, resource)).toMatchObject({ action: "blocked", reason });
  await expect(provide(host, resource)).rejects.toMatchObject({ code: "host-refused" });
});

test.each([
  ["setcap", "use host.low-port: sysctl"],
  ["cp", "prefix"],
  ["mv", "prefix"],
])("when %s fails there is no copy, and the error says what to do", async (program, hint) => {
  const host = machine();
  host.answers.set(program, { exitCode: 1, stderr: "Operation not supported\n" });
  await expect(provide(host, resource)).rejects.toMatchObject({
    code: "host-failed",
    message: expect.stringContaining(program) as string,
    hint: expect.stringContaining(hint) as string,
    details: ["Operation not supported"],
  });
  expect(host.files.has(copy)).toBe(false);
});

test("a setcap that says yes and does nothing is found out", async () => {
  const host = machine();
  host.answers.set("setcap", {});
  await expect(provide(host, resource)).rejects.toMatchObject({
    code: "host-failed",
    message: expect.stringContaining("not as wanted after the change: current copy, no capability") as string,
  });
});

/** A dynamic program with this run path: a header, a segment that is loaded, the dynamic section, its strings. */
function elfWith(runpath: string): Buffer {
  const strings = Buffer.from(`\0${runpath}\0`);
  const [dynamicAt, stringsAt] = [176, 176 + 48];
  const file = Buffer.alloc(stringsAt + strings.length);
  file.write("\u007fELF\u0002\u0001", "latin1");
  file.writeUInt16LE(62, 18);
  file.writeBigUInt64LE(64n, 32);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(2, 56);
  segment(file, 64, { type: 1, offset: 0, size: file.length });
  segment(file, 120, { type: 2, offset: dynamicAt, size: 48 });
  for (const [index, [tag, value]] of [[5, stringsAt] as const, [29, 1] as const].entries()) {
    file.writeBigUInt64LE(BigInt(tag), dynamicAt + index * 16);
    file.writeBigUInt64LE(BigInt(value), dynamicAt + index * 16 + 8);
  }
  strings.copy(file, stringsAt);
  return file;
}

function segment(
  file: Buffer,
  at: number,
  { type, offset, size }: { type: number; offset: number; size: number },
): void {
  file.writeUInt32LE(type, at);
  file.writeBigUInt64LE(BigInt(offset), at + 8);
  file.writeBigUInt64LE(BigInt(offset), at + 16);
  file.writeBigUInt64LE(BigInt(size), at + 32);
}
