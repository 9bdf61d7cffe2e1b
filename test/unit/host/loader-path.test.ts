import { describe, expect, test } from "vitest";
import { quickCheckHost, undoHost } from "../../../src/host/index.ts";
import type { MemoryFile, MemoryHost, MemoryInitial, Resource } from "../../../src/host/index.ts";
import { elfFile, glibcMachine } from "./loader/machine.ts";
import { changes, ignore, planOf, provide, snapshot } from "./tools.ts";

const library = "/opt/tlsforge/store/0123456789abcdef-openssl-3.5.7/lib";
const file = "/etc/ld.so.conf.d/tlsforge-2dd78e28.conf";
const resource: Resource = {
  kind: "loader-path",
  id: "loader-path:tlsforge",
  origin: "site file",
  library,
  name: "tlsforge",
  demanded: true,
};
const ours = (soname: string): MemoryFile => elfFile({ soname });

/** A machine whose ldconfig enters what is in the folders that entries name. */
async function machine(initial: MemoryInitial["files"] = {}, more: MemoryInitial = {}): Promise<MemoryHost> {
  return glibcMachine(
    {
      [`${library}/libssl-tlsforge.so.3`]: ours("libssl-tlsforge.so.3"),
      [`${library}/libssl.so`]: { content: "libssl-tlsforge.so.3", kind: "link" },
      ...initial,
    },
    more,
  );
}

test("an entry is made, stands, and is taken back to the byte", async () => {
  const host = await machine();
  const before = snapshot(host);
  const { plan, records, events } = await provide(host, resource);
  expect(plan).toMatchObject({ action: "create", current: null, desired: library, origin: "site file" });
  expect(plan.effect).toBe(
    "every program of this machine can load libssl-tlsforge.so.3; 4 programs and libraries of the system load what they load now",
  );
  expect(changes(host)).toEqual([
    `tee ${file}.tlsforge-new`,
    `chmod 0644 ${file}.tlsforge-new`,
    `sync ${file}.tlsforge-new`,
    `mv -f ${file}.tlsforge-new ${file}`,
    "ldconfig",
  ]);
  expect(host.files.get(file)?.content?.split("\n")[1]).toBe(library);
  expect(events).toContainEqual(expect.objectContaining({ type: "host-change", action: "create" }));
  expect(await quickCheckHost(host, records)).toEqual([]);

  expect(await undoHost(host, records, ignore)).toEqual([]);
  expect(snapshot(host)).toEqual(before);
  expect(await quickCheckHost(host, records)).toEqual([{ id: resource.id, stands: false }]);
});

test("applied twice, the second time nothing is run", async () => {
  const host = await machine();
  const first = await provide(host, resource);
  const count = changes(host).length;
  const again = await provide(host, resource);
  expect(again.plan.action).toBe("none");
  expect(changes(host)).toHaveLength(count);
  expect(again.records.map((record) => record.data)).toEqual(first.records.map((record) => record.data));
});

test("an entry of ours for another build is changed, and comes back", async () => {
  const newer = "/opt/tlsforge/store/fedcba9876543210-openssl-3.5.9/lib";
  const host = await machine({ [`${newer}/libnew-tlsforge.so.1`]: ours("libnew-tlsforge.so.1") });
  await provide(host, resource);
  const before = snapshot(host);
  const { plan, records } = await provide(host, { ...resource, library: newer });
  expect(plan).toMatchObject({ action: "update", current: library, desired: newer });
  await undoHost(host, records, ignore);
  expect(snapshot(host)).toEqual(before);
});

test("the folder of a newer build with the same names takes the older one's place", async () => {
  const newer = "/opt/tlsforge/store/fedcba9876543210-openssl-3.5.9/lib";
  const host = await machine({ [`${newer}/libssl-tlsforge.so.3`]: ours("libssl-tlsforge.so.3") });
  await provide(host, resource);
  expect(await planOf(host, { ...resource, library: newer })).toMatchObject({ action: "update", current: library });
});

test("two prefixes have an entry each, and neither's end touches the other's", async () => {
  const other = "/srv/other/store/0123456789abcdef-openssl-3.5.7/lib";
  const host = await machine({ [`${other}/libother-tlsforge.so.3`]: ours("libother-tlsforge.so.3") });
  const first = await provide(host, resource);
  const standing = host.files.get(file);
  const second = await planOf(host, { ...resource, library: other });
  expect(second).toMatchObject({ action: "create", current: null, desired: other });
  const { records } = await provide(host, { ...resource, library: other });
  expect(records[0]?.data["file"]).not.toBe(file);
  expect(await quickCheckHost(host, [...first.records, ...records])).toEqual([]);
  await undoHost(host, records, ignore);
  expect(host.files.get(file)).toEqual(standing);
});

test.each([
  [
    "/srv/other",
    "it would change what other programs load: any program that asks for it by name: libssl-tlsforge.so.3",
  ],
  ["/srv/a", `it would not reach libraries of ours, because others have their names: libssl-tlsforge.so.3 (${library}`],
])(
  "another prefix (%s) with the same library names gets no entry: both would not be told apart",
  async (prefix, reason) => {
    const other = `${prefix}/store/0123456789abcdef-openssl-3.5.7/lib`;
    const host = await machine({ [`${other}/libssl-tlsforge.so.3`]: ours("libssl-tlsforge.so.3") });
    await provide(host, resource);
    expect(await planOf(host, { ...resource, library: other })).toMatchObject({
      action: "blocked",
      reason: expect.stringContaining(reason) as string,
    });
  },
);

describe("blocked", () => {
  const reasonOf = async (host: MemoryHost, wanted: Resource = resource): Promise<string | undefined> => {
    const before = snapshot(host);
    const plan = await planOf(host, wanted);
    expect(plan).toMatchObject({ action: "blocked", commands: [] });
    await expect(provide(host, wanted)).rejects.toMatchObject({ code: "host-refused" });
    expect(snapshot(host)).toEqual(before);
    return plan.reason;
  };

  test("when a program would load a library from it in place of the system's", async () => {
    const ssl = "/lib/x86_64-linux-gnu/libssl.so.3";
    expect(await reasonOf(await machine({ [`${library}/libssl.so.3`]: ours("libssl.so.3") }))).toBe(
      `it would change what other programs load: /usr/bin/ssh: libssl.so.3 from ${ssl} -> ${library}/libssl.so.3; ` +
        `any program that asks for it by name: libssl.so.3 from ${ssl} -> ${library}/libssl.so.3`,
    );
  });

  test("when somebody else's file has the name", async () => {
    expect(await reasonOf(await machine({ [file]: "/somewhere\n" }))).toContain("was not written by tlsforge");
  });

  test("when a file cannot be read, for what it loads is not known", async () => {
    const secret = { content: "", bytes: Buffer.from("?"), mode: 0o4750 };
    const host = await machine({ "/usr/lib/helper": secret }, { uid: 1000, privilege: "sudo" });
    expect(await reasonOf(host)).toBe(
      "what one file would load is not known, for they cannot be read: /usr/lib/helper; root can read them: run tlsforge as root",
    );
  });

  test("when ldconfig makes no private cache", async () => {
    const host = await machine();
    host.answers.set("sh -c", { exitCode: 1, stderr: "ldconfig: Can't create temporary cache file\n" });
    expect(await reasonOf(host)).toBe(
      "ldconfig made no private cache (exit code 1); ldconfig: Can't create temporary cache file",
    );
  });

  test("when the cache is damaged", async () => {
    const host = await machine();
    host.files.set("/etc/ld.so.cache", { content: "nonsense" });
    expect(await reasonOf(host)).toContain("/etc/ld.so.cache cannot be read: it is no cache");
  });

  test("where the folder is not included, and on a system without such a list", async () => {
    expect(await reasonOf(await machine({ "/etc/ld.so.conf": "/usr/local/lib\n" }))).toContain("does not include");
    expect(await reasonOf(await machine(), { ...resource, library: "/a b" })).toContain("cannot stand");
    const mac = await machine({}, { platform: { os: "darwin", arch: "aarch64", libc: "none" } });
    expect(await reasonOf(mac)).toBe("this system's loader has no list of folders");
  });
});

test("what was changed by hand is kept beside, then the entry is made again", async () => {
  const host = await machine();
  const { records } = await provide(host, resource);
  host.files.set(file, { content: `${host.files.get(file)?.content ?? ""}/more\n`, mode: 0o644 });
  const { plan } = await provide(host, resource);
  expect(plan).toMatchObject({ action: "update", current: `${file}, changed` });
  expect(plan.effect).toContain(`kept as ${file}.tlsforge-saved`);
  expect(host.files.get(`${file}.tlsforge-saved`)?.content).toContain("/more");
  expect(await undoHost(host, records, ignore)).toEqual([]);
  expect(host.files.has(file)).toBe(false);
  expect(host.files.has(`${file}.tlsforge-saved`)).toBe(true);
});

test("with the entry in place and cached nothing is compared and no process is run", async () => {
  const host = await machine();
  await provide(host, resource);
  host.commands.length = 0;
  expect(await planOf(host, resource)).toMatchObject({ action: "none", current: library });
  expect(host.commands).toEqual([]);
});

test("with the file in place but not in the cache, ldconfig alone is run", async () => {
  const host = await machine();
  const before = host.files.get("/etc/ld.so.cache") ?? { content: "" };
  await provide(host, resource);
  host.files.set("/etc/ld.so.cache", before);
  expect((await planOf(host, resource)).commands.map(({ argv }) => argv.join(" "))).toEqual(["ldconfig"]);
});

test("who has no privilege learns what root would do, without a comparison", async () => {
  const host = await machine({}, { privilege: "none" });
  expect(await planOf(host, { ...resource, demanded: false })).toMatchObject({
    action: "blocked",
    reason: "needs root; skipped",
    effect:
      "every program of this machine can load libssl-tlsforge.so.3; what the system's programs load is compared before anything is written",
  });
  expect(host.commands).toEqual([]);
});

test("shown before the first build, but not applied without the folder", async () => {
  const host = await glibcMachine();
  expect((await planOf(host, resource)).action).toBe("create");
  await expect(provide(host, resource)).rejects.toMatchObject({
    message: expect.stringContaining("is not there yet") as string,
  });
  const { events, records } = await provide(host, { ...resource, demanded: false });
  expect(records).toEqual([]);
  expect(events).toEqual([
    { type: "host-change", id: resource.id, action: "blocked", detail: `${library} is not there yet` },
  ]);
});

test("when ldconfig fails, the file goes again and the error has command, words and remedy", async () => {
  const host = await machine();
  const before = snapshot(host);
  const works = host.answers.get("ldconfig");
  let failures = 1;
  host.answers.set("ldconfig", (argv, options) => {
    if (failures-- <= 0) return typeof works === "function" ? works(argv, options) : {};
    return { exitCode: 1, stderr: "ldconfig: Can't create temporary cache file\u001b[31m\n" };
  });
  await expect(provide(host, resource)).rejects.toMatchObject({
    code: "host-failed",
    message: `"ldconfig" failed with exit code 1 (${file} names our libraries for the loader)`,
    hint: "run ldconfig as root to see what is wrong, or set host.loader-path: false",
    details: ["ldconfig: Can't create temporary cache file [31m"],
  });
  expect(snapshot(host)).toEqual(before);
});

test.each(["tee", "chmod", "sync", "mv"])("when %s fails, nothing is left behind", async (program) => {
  const host = await machine();
  const before = snapshot(host);
  host.answers.set(program, { exitCode: 1, stderr: "Read-only file system\n" });
  await expect(provide(host, resource)).rejects.toMatchObject({
    code: "host-failed",
    details: ["Read-only file system"],
    hint: expect.stringContaining("/etc") as string,
  });
  expect(snapshot(host)).toEqual(before);
});
