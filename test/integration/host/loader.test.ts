import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, posix } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compareLoader, comparisonText, detectPlatform, nodeHost } from "../../../src/host/index.ts";
import type { Host } from "../../../src/host/index.ts";
import { bytesOf, isElf, readElf } from "../../../src/elf/index.ts";
import { parseLoaderCache } from "../../../src/host/loader/cache.ts";
import { closure } from "../../../src/host/loader/closure.ts";
import { loaderOf, systemFolders } from "../../../src/host/loader/defaults.ts";
import { glibcResolver } from "../../../src/host/loader/glibc.ts";
import { objectsOf } from "../../../src/host/loader/objects.ts";
import { nodeTree } from "../../../src/host/node-tree.ts";
import { walk, type Walk } from "../../../src/host/loader/walk.ts";
import { describeWith } from "../../tools/needs.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tlsforge-loader-test-"));
});
afterAll(() => rm(folder, { recursive: true }));

const native = { bits: 64, machine: process.arch === "x64" ? 62 : 183, order: "little" } as const;
const loader = loaderOf(native) ?? "";

function machine(environment: NodeJS.ProcessEnv = process.env): Host {
  return nodeHost({
    platform: detectPlatform({ os: process.platform, arch: process.arch }),
    environment,
    uid: process.getuid?.() ?? -1,
    emit: () => undefined,
    interactive: false,
    allowSudo: false,
  });
}

/** Every library that the loader's cache has. */
function cached(): readonly string[] {
  return [...parseLoaderCache(readFileSync("/etc/ld.so.cache")).values()].flat().map(({ path }) => path);
}

describeWith(["linux", "ldconfig"], "this machine's loader", () => {
  let walked: Walk = { programs: [], unreadable: new Set() };
  beforeAll(async () => {
    walked = await walk(nodeTree, [...new Set(cached().map((path) => dirname(path)))], "");
  });

  test("has the cache that ldconfig prints", () => {
    const printed = execFileSync("ldconfig", ["-p"], { encoding: "utf8", env: { ...process.env, LC_ALL: "C" } });
    const lines = [...printed.matchAll(/^\t(\S+) \(.*\) => (\S+)$/gm)].map(([, name, path]) => `${name} ${path}`);
    const parsed = [...parseLoaderCache(readFileSync("/etc/ld.so.cache")).values()].flat();
    expect(parsed.map(({ name, path }) => `${name} ${path}`)).toEqual(lines);
    expect(lines.length).toBeGreaterThan(20);
  });

  test("has every program and library looked at, each once", () => {
    const programs = readdirSync("/usr/bin").map((name) => join("/usr/bin", name));
    const wanted = new Set([...programs, ...cached()].flatMap(dynamicFile));
    const found = walked.programs.map(({ identity }) => identity);
    expect(new Set(found).size).toBe(found.length);
    expect([...wanted].filter((identity) => !found.includes(identity))).toEqual([]);
    expect(wanted.size).toBeGreaterThan(50);
    expect(walked.unreadable.size === 0 || process.getuid?.() !== 0).toBe(true);
  });

  test("has the default folders that it says itself", () => {
    const said = execFileSync(loader, ["--list-diagnostics"], { encoding: "utf8" });
    const folders = [...said.matchAll(/^path\.system_dirs\[\w+\]="(.*)\/"$/gm)].map(([, path]) => path);
    const [, lib] = /^dl_dst_lib="(.*)"$/m.exec(said) ?? [];
    expect(systemFolders(nodeTree, native)).toMatchObject({ folders, lib });
    expect(folders.length).toBeGreaterThan(1);
  });

  test("finds for dozens of programs and libraries what it is worked out to find", () => {
    const objects = objectsOf(nodeTree);
    const help = execFileSync(loader, ["--help"], { encoding: "utf8" });
    const resolver = glibcResolver({
      objects,
      cache: parseLoaderCache(readFileSync("/etc/ld.so.cache")),
      processor: {
        hwcaps: [...help.matchAll(/^ {2}(\S+) \(supported, searched\)$/gm)].flatMap(([, name]) => name ?? []),
        legacy: true,
      },
      system: (kind) => systemFolders(nodeTree, kind),
    });
    const native64 = walked.programs.filter(({ elf }) => elf.machine === native.machine && elf.needed.length > 0);
    const every = Math.ceil(native64.length / 150);
    const chosen = native64.filter((_, index) => index % every === 0);
    let compared = 0;
    for (const file of chosen) {
      const listed = listOf(file.path);
      if (listed === null) continue;
      compared += 1;
      const found = [...closure(file, resolver, objects.at(loader))]
        .filter(([name]) => !name.startsWith("ld-linux") && !name.includes("/"))
        .map(([name, result]) => [name, result === null ? null : posix.normalize(result.path)] as const);
      // What is loaded under one name is listed once, under the name that it was first asked for by.
      const known = Object.fromEntries(found.filter(([name]) => listed.has(name)));
      expect({ [file.path]: known }).toEqual({ [file.path]: Object.fromEntries(listed) });
    }
    expect(compared).toBeGreaterThan(36);
  });
});

/** What the real loader lists for a file, of any name but a path; null when it cannot be asked. */
function listOf(path: string): ReadonlyMap<string, string | null> | null {
  try {
    const listed = execFileSync(loader, ["--list", path], {
      encoding: "utf8",
      env: { PATH: "/usr/bin:/bin" },
      stdio: ["ignore", "pipe", "ignore"],
    });
    return new Map(
      [...listed.matchAll(/^\t(\S+) => (not found|\S+)/gm)]
        .filter(([, name = ""]) => !name.includes("/"))
        .map(([, name = "", found = ""]) => [name, found === "not found" ? null : posix.normalize(found)]),
    );
  } catch {
    return null;
  }
}

function dynamicFile(path: string): string[] {
  try {
    const bytes = readFileSync(path);
    const { dev, ino } = statSync(path);
    return isElf(bytes) && readElf(bytesOf(bytes)) !== null ? [`${dev}:${ino}`] : [];
  } catch {
    return [];
  }
}

describeWith(["linux", "root", "ldconfig"], "the comparison, for real", () => {
  test("sees no difference for an empty folder, and names the programs that a stock library would reach", async () => {
    const library = join(folder, "store", "k-openssl", "lib");
    mkdirSync(library, { recursive: true });
    const entry = { library, name: "tlsforge" };
    const nothing = await compareLoader(machine(), entry);
    expect(nothing).toMatchObject({ outcome: "observed", count: 0, differences: [], stale: false, shadowed: [] });
    if (nothing.outcome !== "observed") throw new Error(nothing.reason);
    expect(nothing.files).toBeGreaterThan(100);

    const [libc] = parseLoaderCache(readFileSync("/etc/ld.so.cache")).get("libc.so.6") ?? [];
    copyFileSync(libc?.path ?? "", join(library, "libc.so.6"));
    const comparison = await compareLoader(machine(), entry);
    if (comparison.outcome !== "observed") throw new Error(comparison.reason);
    expect(comparison.count).toBeGreaterThan(100);
    expect(comparison.differences[0]).toMatchObject({ library: "libc.so.6", to: join(library, "libc.so.6") });
    expect(comparisonText(comparison)).toContain(`and ${comparison.count - 5} more`);
    expect(privateFolders().filter((path) => parentOf(path) === null)).toEqual([]);
  });
});

describeWith(["linux", "ldconfig"], "the private cache", () => {
  test("does not stay when tlsforge is killed, and what a killed shell leaves goes with the next", async () => {
    const fake = join(folder, "ldconfig");
    writeFileSync(fake, `#!/bin/sh\ntouch "${folder}/started"\nexec sleep 2\n`);
    chmodSync(fake, 0o755);
    const slow = { ...process.env, PATH: `${folder}:${process.env["PATH"] ?? ""}` };
    const killed = async (whole: boolean): Promise<string> => {
      await rm(join(folder, "started"), { force: true });
      const child = spawn(process.execPath, ["--input-type=module", "-e", comparing], {
        env: slow,
        stdio: "ignore",
        detached: true,
      });
      await until(() => readdirSync(folder).includes("started"));
      // Others may be at it at the same time.
      const [mine = ""] = privateFolders().filter((path) => parentOf(path) === child.pid);
      expect(mine).not.toBe("");
      const ended = once(child, "exit");
      process.kill(whole ? -(child.pid ?? 0) : (child.pid ?? 0), "SIGKILL");
      await ended;
      return mine;
    };
    const first = await killed(false);
    await until(() => !existsSync(first));
    const second = await killed(true);
    expect(existsSync(second)).toBe(true);
    await compareLoader(machine(), { library: join(folder, "none"), name: "tlsforge" });
    expect(existsSync(second)).toBe(false);
  });
});

/** A process that makes a comparison, to be killed meanwhile. */
const comparing = `
  import { compareLoader, detectPlatform, nodeHost } from ${JSON.stringify(join(import.meta.dirname, "../../../src/host/index.ts"))};
  const platform = detectPlatform({ os: process.platform, arch: process.arch });
  const options = { environment: process.env, uid: process.getuid(), emit() {}, interactive: false, allowSudo: false };
  await compareLoader(nodeHost({ platform, ...options }), { library: "/none", name: "tlsforge" });
`;

function privateFolders(): string[] {
  return readdirSync("/tmp").flatMap((name) => (/^tlsforge-loader\.\d/.test(name) ? [join("/tmp", name)] : []));
}

/** The process that has started the shell of a private folder; null when that shell is gone. */
function parentOf(path: string): number | null {
  const shell = path.split(".").at(-2) ?? "";
  if (!existsSync(`/proc/${shell}`)) return null;
  return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${shell}/status`, "utf8"))?.[1]);
}

async function until(holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds(); waited += 50) {
    if (waited > 20_000) throw new Error("it did not come to that");
    await new Promise((resolve) => void setTimeout(resolve, 50));
  }
}
