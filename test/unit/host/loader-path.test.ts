import { describe, expect, test } from "vitest";
import { memoryHost, quickCheckHost, undoHost } from "../../../src/host/index.ts";
import type { MemoryHost, MemoryInitial, Resource } from "../../../src/host/index.ts";
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
const systemCache =
  "2 libs found in cache `/etc/ld.so.cache'\n\tlibssl.so.3 (libc6,x86-64) => /lib/x86_64-linux-gnu/libssl.so.3\n\tlibc.so.6 (libc6,x86-64) => /lib/x86_64-linux-gnu/libc.so.6\n";

/** A machine whose ldconfig enters what is in the folders that entries name. */
function machine(initial: MemoryInitial["files"] = {}, more: MemoryInitial = {}): MemoryHost {
  const host: MemoryHost = memoryHost({
    ...more,
    files: {
      "/etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n",
      "/etc/ld.so.cache": systemCache,
      "/lib/x86_64-linux-gnu/libssl.so.3": "",
      [`${library}/libssl-tlsforge.so.3`]: "",
      [`${library}/libssl.so`]: "",
      ...initial,
    },
  });
  host.answers.set("ldconfig", (argv) => {
    if (argv.includes("-p")) return { stdout: host.files.get("/etc/ld.so.cache")?.content ?? "" };
    const named = [...host.files]
      .filter(([path]) => /^\/etc\/ld\.so\.conf\.d\/[^/]+\.conf$/u.test(path))
      .flatMap(([, entry]) => (entry.content ?? "").split("\n").filter((line) => line.startsWith("/")));
    const ours = [...host.files.keys()]
      .filter((path) => named.some((folder) => path.startsWith(`${folder}/lib`)))
      .map((path) => `\t${path.split("/").at(-1) ?? ""} (libc6,x86-64) => ${path}\n`);
    host.files.set("/etc/ld.so.cache", { content: systemCache + ours.join("") });
    return {};
  });
  return host;
}

test("an entry is made, stands, and is taken back to the byte", async () => {
  const host = machine();
  const before = snapshot(host);
  const { plan, records, events } = await provide(host, resource);
  expect(plan).toMatchObject({ action: "create", current: null, desired: library, origin: "site file" });
  expect(plan.effect).toContain("libssl-tlsforge.so.3");
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
  expect(await quickCheckHost(host, records)).toEqual([resource.id]);
});

test("applied twice, the second time nothing is run", async () => {
  const host = machine();
  const first = await provide(host, resource);
  const count = changes(host).length;
  const again = await provide(host, resource);
  expect(again.plan.action).toBe("none");
  expect(changes(host)).toHaveLength(count);
  expect(again.records.map((record) => record.data)).toEqual(first.records.map((record) => record.data));
});

test("an entry of ours for another build is changed, and comes back", async () => {
  const newer = "/opt/tlsforge/store/fedcba9876543210-openssl-3.5.9/lib";
  const host = machine({ [`${newer}/libnew.so`]: "" });
  await provide(host, resource);
  const before = snapshot(host);
  const { plan, records } = await provide(host, { ...resource, library: newer });
  expect(plan).toMatchObject({ action: "update", current: library, desired: newer });
  await undoHost(host, records, ignore);
  expect(snapshot(host)).toEqual(before);
});

test("the folder of a newer build with the same names takes the older one's place", async () => {
  const newer = "/opt/tlsforge/store/fedcba9876543210-openssl-3.5.9/lib";
  const host = machine({ [`${newer}/libssl-tlsforge.so.3`]: "" });
  await provide(host, resource);
  expect(await planOf(host, { ...resource, library: newer })).toMatchObject({ action: "update", current: library });
});

test("two prefixes have an entry each, and neither's end touches the other's", async () => {
  const other = "/srv/other/store/0123456789abcdef-openssl-3.5.7/lib";
  const host = machine({ [`${other}/libother.so.3`]: "" });
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

test("another prefix with the same library names gets no entry: both would not be told apart", async () => {
  const other = "/srv/other/store/0123456789abcdef-openssl-3.5.7/lib";
  const host = machine({ [`${other}/libssl-tlsforge.so.3`]: "" });
  await provide(host, resource);
  expect(await planOf(host, { ...resource, library: other })).toMatchObject({
    action: "blocked",
    reason: `it would change what other programs load: libssl-tlsforge.so.3 (now ${library})`,
  });
});

describe("blocked", () => {
  const reasonOf = async (host: MemoryHost, wanted: Resource = resource): Promise<string | undefined> => {
    const before = snapshot(host);
    const plan = await planOf(host, wanted);
    expect(plan).toMatchObject({ action: "blocked", commands: [] });
    await expect(provide(host, wanted)).rejects.toMatchObject({ code: "host-refused" });
    expect(snapshot(host)).toEqual(before);
    return plan.reason;
  };

  test("when a library has a name that the system loads from elsewhere", async () => {
    expect(await reasonOf(machine({ [`${library}/libssl.so.3`]: "" }))).toBe(
      "it would change what other programs load: libssl.so.3 (now /lib/x86_64-linux-gnu)",
    );
  });

  test("not by a name whose file is gone", async () => {
    const host = machine({ [`${library}/libssl.so.3`]: "" });
    host.files.delete("/lib/x86_64-linux-gnu/libssl.so.3");
    expect((await planOf(host, resource)).action).toBe("create");
  });

  test("when somebody else's file has the name", async () => {
    expect(await reasonOf(machine({ [file]: "/somewhere\n" }))).toContain("was not written by tlsforge");
  });

  test("when our file was changed by hand, then too by undo", async () => {
    const host = machine();
    const { records } = await provide(host, resource);
    host.files.set(file, { content: `${host.files.get(file)?.content ?? ""}/more\n` });
    expect(await reasonOf(host)).toContain("changed by hand");
    expect(await undoHost(host, records, ignore)).toEqual(records);
    expect(host.files.get(file)?.content).toContain("/more");
  });

  test("when the cache cannot be read", async () => {
    const host = machine();
    host.answers.set("ldconfig", { exitCode: 1 });
    expect(await reasonOf(host)).toContain("cannot be read");
  });

  test("on musl, and where the folder is not included", async () => {
    expect(await reasonOf(machine({}, { platform: { os: "linux", arch: "x86_64", libc: "musl" } }))).toContain(
      "only glibc",
    );
    expect(await reasonOf(machine({ "/etc/ld.so.conf": "/usr/local/lib\n" }))).toContain("does not include");
    expect(await reasonOf(machine(), { ...resource, library: "/a b" })).toContain("cannot stand");
  });
});

test("shown before the first build, but not applied without the folder", async () => {
  const host = memoryHost({
    files: { "/etc/ld.so.conf": "include /etc/ld.so.conf.d/*.conf\n", "/etc/ld.so.cache": systemCache },
  });
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
  const host = machine();
  const before = snapshot(host);
  const works = host.answers.get("ldconfig");
  let failures = 1;
  host.answers.set("ldconfig", (argv, options) => {
    if (argv.includes("-p") || failures-- <= 0) return typeof works === "function" ? works(argv, options) : {};
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
  const host = machine();
  const before = snapshot(host);
  host.answers.set(program, { exitCode: 1, stderr: "Read-only file system\n" });
  await expect(provide(host, resource)).rejects.toMatchObject({
    code: "host-failed",
    details: ["Read-only file system"],
    hint: expect.stringContaining("/etc") as string,
  });
  expect(snapshot(host)).toEqual(before);
});
