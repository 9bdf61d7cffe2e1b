import type { Host, Resource } from "../types.ts";
import { asRoot, blocked, planBase } from "./kind.ts";
import type { ResourceKind } from "./kind.ts";
import { driftOf, leftoverCommands, managedText, ownerOf, writeCommands } from "./managed-file.ts";

type Sysctl = Extract<Resource, { kind: "sysctl" }>;

/**
 * A kernel setting, live and for the next boot. On Linux it has a file of its own below /etc/sysctl.d; on FreeBSD a marked line in /etc/sysctl.conf.
 * What the value was is kept in the file as well, so that it can be brought back without any record.
 */
export const sysctl: ResourceKind<Sysctl> = {
  async plan(host, resource) {
    const why = `${resource.key} for the ports below 1024`;
    const desired = `${resource.key} = ${resource.value}`;
    const live = await liveValue(host, resource.key);
    if (live === null)
      return blocked(resource, { current: null, desired, why, reason: `this kernel does not tell ${resource.key}` });
    const text = await host.readFile(resource.file);
    const state = { current: `${resource.key} = ${live}${text === null ? "" : `, ${resource.file}`}`, desired, why };
    const layout = layoutOf(host);
    const drift = layout.drift(resource, text);
    if (drift !== null) return blocked(resource, { ...state, reason: drift });

    const kept = layout.keeps(resource, text);
    if (kept === null && satisfies(resource, live))
      return { ...planBase(resource), ...state, action: "none", commands: [] };
    const persistent = kept === resource.value;
    const effective = live === resource.value || (persistent && satisfies(resource, live));
    if (persistent && effective) return { ...planBase(resource), ...state, action: "none", commands: [] };
    return {
      ...planBase(resource),
      ...state,
      action: kept === null ? "create" : "update",
      commands: [
        ...(persistent ? [] : writeCommands(resource.file, layout.text(resource, text, live))),
        ...(effective ? [] : [asRoot(...layout.set(resource.key, resource.value))]),
      ],
      effect: effectOf(resource),
    };
  },

  async remember(host, resource) {
    const [live, text] = await Promise.all([liveValue(host, resource.key), host.readFile(resource.file)]);
    const { file, key, value } = resource;
    // With the wanted value in it, the file is what an interrupted run left, not what was there before.
    const earlier = text === null || layoutOf(host).keeps(resource, text) === value ? {} : { text };
    return { file, key, value, live: valueBefore(text) ?? live ?? "", ...earlier };
  },

  async adopt(host, resource) {
    const { file, key, value } = resource;
    const text = await host.readFile(file);
    return layoutOf(host).keeps(resource, text) === value ? { file, key, value, live: valueBefore(text) ?? "" } : null;
  },

  async undo(host, record) {
    const { file = "", key = "", value = "", live: before = "", text: earlier } = record.data;
    const layout = layoutOf(host);
    const [live, text] = await Promise.all([liveValue(host, key), host.readFile(file)]);
    const drift = layout.drift({ file, key, value }, text);
    if (drift !== null) return { action: "blocked", commands: [], detail: drift };
    const restored = layout.without({ file, key, value }, text, earlier ?? null);
    const written =
      restored === text ? [] : restored === null ? [asRoot("rm", "-f", file)] : writeCommands(file, restored);
    const fileCommands = [...(await leftoverCommands(host, file)), ...written];
    // A live value that is no longer ours was set by somebody since: it stays.
    const liveCommands =
      live === value && before !== "" && before !== value ? [asRoot(...layout.set(key, before))] : [];
    if (fileCommands.length + liveCommands.length === 0)
      return { action: "none", commands: [], detail: `${key} is as it was` };
    return {
      action: restored === null ? "delete" : "update",
      commands: [...fileCommands, ...liveCommands],
      detail: `${key} is ${before} again`,
    };
  },

  async quickCheck(host, record) {
    const { file = "", key = "", value = "" } = record.data;
    const [live, text] = await Promise.all([liveValue(host, key), host.readFile(file)]);
    if (live === null) return null;
    return layoutOf(host).keeps({ file, key, value }, text) === value && satisfies({ key, value }, live);
  },

  remedy(argv) {
    return argv[0] === "sysctl"
      ? "a container may not change kernel settings: set it on the machine outside, or use host.low-port: file-capability or a port above 1023"
      : "see whether /etc can be written, or use host.low-port: file-capability";
  },
};

type Setting = Pick<Sysctl, "file" | "key" | "value">;

/** How a system keeps settings for the next boot. */
interface Layout {
  /** The value that our part of the file sets; null without one. */
  keeps(setting: Setting, text: string | null): string | null;
  drift(setting: Setting, text: string | null): string | null;
  text(setting: Setting, text: string | null, live: string): string;
  /** The file without our part; null: no file. */
  without(setting: Setting, text: string | null, earlier: string | null): string | null;
  set(key: string, value: string): readonly string[];
}

const ownFile: Layout = {
  keeps: ({ key }, text) => (ownerOf(text) === "ours" ? (lineValue(text ?? "", key) ?? null) : null),
  drift: ({ file }, text) => driftOf(file, ownerOf(text)),
  text: ({ key, value }, text, live) => managedText(`# It was ${valueBefore(text) ?? live}\n${key} = ${value}\n`),
  without: (_setting, _text, earlier) => earlier,
  set: (key, value) => ["sysctl", "-w", `${key}=${value}`],
};

const marked = "# tlsforge";

const sharedFile: Layout = {
  keeps: ({ key }, text) =>
    lineValue(
      (text ?? "")
        .split("\n")
        .filter((line) => line.includes(marked))
        .join("\n"),
      key,
    ) ?? null,
  drift({ file, key, value }, text) {
    const other = lineValue(
      (text ?? "")
        .split("\n")
        .filter((line) => !line.includes(marked))
        .join("\n"),
      key,
    );
    return other === undefined || other === value ? null : `${file} already sets ${key} to ${other}`;
  },
  text(setting, text, live) {
    const { key, value } = setting;
    return withLine(
      withoutOurs(key, text ?? ""),
      `${key}=${value} ${marked}, it was ${valueBefore(oursIn(key, text ?? "")) ?? live}`,
    );
  },
  without({ key }, text, earlier) {
    if (text === null) return null;
    if (earlier !== null && text === withLine(withoutOurs(key, earlier), oursIn(key, text))) return earlier;
    const rest = withoutOurs(key, text);
    const line = oursIn(key, earlier ?? "");
    if (line !== "") return withLine(rest, line);
    return rest === "" && earlier === null ? null : rest;
  },
  set: (key, value) => ["sysctl", `${key}=${value}`],
};

function oursIn(key: string, text: string): string {
  return text.split("\n").find((line) => line.includes(marked) && line.startsWith(key)) ?? "";
}

function withoutOurs(key: string, text: string): string {
  return text
    .split("\n")
    .filter((line) => !(line.includes(marked) && line.startsWith(key)))
    .join("\n");
}

function withLine(text: string, line: string): string {
  return `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${line}\n`;
}

/** What our part of a file says that the live value was before. */
function valueBefore(text: string | null): string | null {
  return (
    /# It was (\S+)$|# tlsforge, it was (\S+)$/m
      .exec(text ?? "")
      ?.slice(1)
      .find((value) => value !== undefined) ?? null
  );
}

function layoutOf(host: Host): Layout {
  return host.platform.os === "linux" ? ownFile : sharedFile;
}

function lineValue(text: string, key: string): string | undefined {
  const line = text.split("\n").find((candidate) => candidate.split("=")[0]?.trim() === key);
  return line
    ?.slice(line.indexOf("=") + 1)
    .split("#")[0]
    ?.trim();
}

async function liveValue(host: Host, key: string): Promise<string | null> {
  if (host.platform.os === "linux")
    return (await host.readFile(`/proc/sys/${key.replaceAll(".", "/")}`))?.trim() ?? null;
  const answer = await host.exec(["sysctl", "-n", key], { timeoutSeconds: 10 });
  return answer.exitCode === 0 ? answer.stdout.trim() : null;
}

/** For the first unprivileged port a lower value gives what is wanted too; it is not raised again, since somebody asked for it. */
function satisfies(setting: Pick<Sysctl, "key" | "value">, live: string): boolean {
  return setting.key.endsWith("ip_unprivileged_port_start")
    ? Number(live) <= Number(setting.value)
    : live === setting.value;
}

function effectOf(resource: Sysctl): string {
  const from = resource.key.endsWith("reservedhigh") ? Number(resource.value) + 1 : Number(resource.value);
  return `opens every port from ${from} up to every user of this machine`;
}
