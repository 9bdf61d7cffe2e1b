import { basename, dirname, join } from "node:path";
import { isElf, readElf } from "../../elf/index.ts";
import type { ElfBytes } from "../../elf/index.ts";
import type { Host, HostCommand, Resource } from "../types.ts";
import { findGroup } from "./accounts.ts";
import { blocked, planBase } from "./kind.ts";
import type { RecordData, ResourceKind } from "./kind.ts";

type Capability = Extract<Resource, { kind: "capability" }>;

/**
 * The right to bind low ports, on a private copy of the interpreter that its group alone may run. Never on the shared interpreter:
 * that would hand it to every script. The copy stands in a folder like a virtual environment (`<folder>/bin/python3`),
 * which finds the original's packages. The capability is set last on a new file that is then renamed into place.
 */
export const capability: ResourceKind<Capability> = {
  async plan(host, resource) {
    const desired = `${resource.capability}=ep, mode 0750${resource.group === undefined ? "" : `, group ${resource.group}`}`;
    const why = "a copy of the interpreter that may bind low ports";
    const [original, copy] = await Promise.all([host.facts(resource.source), host.facts(resource.copy)]);
    const environment = await environmentText(host, resource);
    const current = copy === null ? null : await currentState(host, resource, environment);
    const block = (reason: string): ReturnType<typeof blocked> => blocked(resource, { current, desired, why, reason });
    if (host.platform.os !== "linux") return block("file capabilities are Linux's only");
    if (copy !== null && copy.kind !== "file") return block(`${resource.copy} is there and is no file`);
    if (original === null) return { ...block(`${resource.source} is not there yet`), unbuilt: true };
    if ((await host.which("setcap")) === null || (await host.which("getcap")) === null)
      return block("setcap or getcap is missing (Debian: libcap2-bin)");
    const obstacle = pathObstacle(host, resource.source);
    if (obstacle !== null) return block(obstacle);
    // A group that is not there yet is made before, by its own resource.
    const gid = resource.group === undefined ? null : (await findGroup(host, resource.group))?.gid;
    const owned = gid === null || (copy?.uid === 0 && copy.gid === gid);
    if (current === wantedState(resource) && owned)
      return { ...planBase(resource), current: desired, desired, why, action: "none", commands: [] };
    return {
      ...planBase(resource),
      current,
      desired,
      why,
      action: copy === null ? "create" : "update",
      commands: await commandsOf(host, resource, environment),
      effect: `whoever may run ${resource.copy} (${resource.group === undefined ? "its owner and the owner's group" : `root and group ${resource.group}`}) may bind any port; OpenSSL ignores its environment in it`,
    };
  },

  remember() {
    return Promise.resolve({});
  },

  settle: recordData,
  adopt: recordData,

  async undo(host, record) {
    const { copy = "" } = record.data;
    if ((await host.facts(copy)) === null) return { action: "none", commands: [], detail: `${copy} is gone already` };
    const folder = dirname(dirname(copy));
    return {
      action: "delete",
      commands: [
        change(host, "rm", "-f", copy, join(folder, "pyvenv.cfg"), join(folder, "lib")),
        change(host, "rmdir", "--ignore-fail-on-non-empty", dirname(copy), folder),
      ],
      detail: `${copy} is removed`,
    };
  },

  async quickCheck(host, record) {
    const copy = await host.facts(record.data["copy"] ?? "");
    return (
      copy !== null &&
      copy.kind === "file" &&
      copy.mode === 0o750 &&
      String(copy.size) === record.data["size"] &&
      String(copy.uid) === record.data["uid"] &&
      String(copy.gid) === record.data["gid"]
    );
  },

  remedy(argv) {
    return argv[0] === "setcap"
      ? "this file system or container does not allow file capabilities: use host.low-port: sysctl"
      : "see whether the prefix can be written";
  },
};

/**
 * Why a program cannot do with a capability; null when it can. The loader then takes no library from a folder relative to the program,
 * and the kernel gives a script nothing.
 */
function pathObstacle(host: Host, source: string): string | null {
  const folders = host.tree.open(source, (file) => (isElf(file.read(0, 4)) ? foldersOf(file) : null));
  if (folders === "unreadable") return `${source} cannot be read`;
  if (folders === null) return `${source} is no program of this machine's format, so a capability has no effect on it`;
  const relative = folders.find((folder) => !folder.startsWith("/"));
  return relative === undefined
    ? null
    : `${source} looks for libraries in ${relative}, which the loader does not do for a program with a capability`;
}

/** Run paths; none in a static program. What is damaged looks nowhere that could be trusted. */
function foldersOf(file: ElfBytes): readonly string[] {
  try {
    const elf = readElf(file);
    return elf === null ? [] : [...elf.rpath, ...elf.runpath];
  } catch (error) {
    if (error instanceof RangeError) return ["a place that cannot be read"];
    throw error;
  }
}

async function recordData(host: Host, resource: Capability): Promise<RecordData> {
  const { source, copy, group } = resource;
  const facts = await host.facts(copy);
  return {
    source,
    copy,
    capability: resource.capability,
    size: String(facts?.size ?? 0),
    uid: String(facts?.uid ?? 0),
    gid: String(facts?.gid ?? 0),
    ...(group === undefined ? {} : { group }),
  };
}

/** State of the copy as one line; equal to `wantedState` when nothing is to be done. */
async function currentState(host: Host, resource: Capability, environment: string): Promise<string> {
  const [facts, environmentNow, caps, same] = await Promise.all([
    host.facts(resource.copy),
    host.readFile(environmentFile(resource)),
    host.exec(["getcap", resource.copy], { timeoutSeconds: 10 }),
    host.exec(["cmp", "-s", resource.source, resource.copy], { timeoutSeconds: 30 }),
  ]);
  const granted = /\s(?:= )?(cap_\S+?)[+=]e[ip]*p?$/m.exec(caps.stdout.trimEnd())?.[1] ?? "no capability";
  const outdated = same.exitCode === 1 || environmentNow !== environment;
  const content = outdated ? "outdated copy" : same.exitCode === 0 ? "current copy" : "unreadable copy";
  return `${content}, ${granted}, mode 0${(facts?.mode ?? 0).toString(8)}`;
}

function wantedState(resource: Capability): string {
  return `current copy, ${resource.capability}, mode 0750`;
}

async function commandsOf(host: Host, resource: Capability, environment: string): Promise<readonly HostCommand[]> {
  const fresh = join(dirname(resource.copy), `.${basename(resource.copy)}.new`);
  return [
    change(host, "mkdir", "-p", dirname(resource.copy)),
    { ...change(host, "tee", environmentFile(resource)), input: environment },
    change(host, "ln", "-sfn", join(dirname(dirname(resource.source)), "lib"), join(folderOf(resource), "lib")),
    change(host, "rm", "-f", fresh),
    change(host, "cp", "-L", resource.source, fresh),
    // Ownership before the capability: a change of ownership drops it.
    ...(resource.group === undefined ? [] : [{ argv: ["chown", `root:${resource.group}`, fresh], elevated: true }]),
    { argv: ["chmod", "0750", fresh], elevated: resource.group !== undefined || host.uid === 0 },
    { argv: ["setcap", `${resource.capability}+ep`, fresh], elevated: true },
    change(host, "mv", "-f", fresh, resource.copy),
  ];
}

/**
 * What makes the copy find its packages: the settings of the virtual environment that the original belongs to, or such that the copy shares
 * the original's. The original's path stands in it too (Python ignores a key that it does not know), so that another one is seen.
 */
async function environmentText(host: Host, resource: Capability): Promise<string> {
  const original = await host.readFile(join(dirname(dirname(resource.source)), "pyvenv.cfg"));
  const settings = original ?? `home = ${dirname(resource.source)}\ninclude-system-site-packages = true\n`;
  return `${settings.trimEnd()}\ntlsforge-source = ${resource.source}\n`;
}

function environmentFile(resource: Capability): string {
  return join(folderOf(resource), "pyvenv.cfg");
}

function folderOf(resource: Capability): string {
  return dirname(dirname(resource.copy));
}

/** The prefix belongs to who runs tlsforge, so its files need no privilege of their own. */
function change(host: Host, ...argv: string[]): HostCommand {
  return { argv, elevated: host.uid === 0 };
}
