import type { Host, Resource } from "../types.ts";
import { asRoot, blocked, planBase } from "./kind.ts";
import type { RecordData, ResourceKind } from "./kind.ts";
import { layoutOf, liveValue, valueBefore } from "./sysctl-file.ts";
import type { Setting } from "./sysctl-file.ts";
import { laterSetting } from "./sysctl-order.ts";
import {
  fileData,
  fileState,
  keepCommands,
  leftoverCommands,
  ownerOf,
  savedEffect,
  savedPath,
  withSaved,
  writeCommands,
} from "./managed-file.ts";

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
    const layout = layoutOf(host);
    const wanted = layout.text(resource, text, live);
    const file = layout.own ? await fileState(host, { path: resource.file, text: wanted, mode: 0o644 }) : null;
    const place = file?.owner === "changed" ? (file.current ?? "") : resource.file;
    const state = { current: `${resource.key} = ${live}${text === null ? "" : `, ${place}`}`, desired, why };
    const drift = layout.drift(resource, text);
    if (drift !== null) return blocked(resource, { ...state, reason: drift });
    const overruled = await overruledReason(host, resource);
    if (overruled !== null) return blocked(resource, { ...state, reason: overruled });

    const kept = layout.keeps(resource, text);
    const changed = layout.own && ownerOf(text) === "changed";
    if (kept === null && !changed && satisfies(resource, live))
      return { ...planBase(resource), ...state, action: "none", commands: [] };
    const persistent = kept === resource.value;
    const effective = live === resource.value || (persistent && satisfies(resource, live));
    if (persistent && effective) return { ...planBase(resource), ...state, action: "none", commands: [] };
    return {
      ...planBase(resource),
      ...state,
      action: kept === null && !changed ? "create" : "update",
      commands: [
        ...(persistent ? [] : (file?.commands ?? writeCommands(resource.file, wanted))),
        ...(effective ? [] : [asRoot(...layout.set(resource.key, resource.value))]),
      ],
      effect: [effectOf(resource), file === null ? undefined : savedEffect([file])].filter(Boolean).join("; "),
    };
  },

  async remember(host, resource) {
    const [live, text] = await Promise.all([liveValue(host, resource.key), host.readFile(resource.file)]);
    const { file, key, value } = resource;
    // With the wanted value in it, the file is what an interrupted run left, not what was there before.
    const layout = layoutOf(host);
    const lost = text === null || layout.keeps(resource, text) === value || (layout.own && ownerOf(text) !== "ours");
    const earlier = lost ? {} : { text };
    return { file, key, value, live: valueBefore(text) ?? live ?? "", ...earlier };
  },

  async settle(host, resource, remembered) {
    return withDigest(host, resource, remembered);
  },

  async adopt(host, resource) {
    const { file, key, value } = resource;
    const text = await host.readFile(file);
    if (layoutOf(host).keeps(resource, text) !== value) return null;
    return withDigest(host, resource, { file, key, value, live: valueBefore(text) ?? "" });
  },

  async undo(host, record) {
    const { file = "", key = "", value = "", live: before = "", text: earlier } = record.data;
    const layout = layoutOf(host);
    const [live, text] = await Promise.all([liveValue(host, key), host.readFile(file)]);
    const drift = layout.drift({ file, key, value }, text);
    if (drift !== null) return { action: "blocked", commands: [], detail: drift };
    const restored = layout.without({ file, key, value }, text, earlier ?? null);
    const saved = layout.own && ownerOf(text) === "changed" ? await savedPath(host, file) : null;
    const away = saved === null ? asRoot("rm", "-f", file) : keepCommands(["mv", "-f", file, saved], 0);
    const written = restored === text ? [] : restored === null ? [away].flat() : writeCommands(file, restored);
    const fileCommands = [...(await leftoverCommands(host, file)), ...written];
    // A live value that is no longer ours was set by somebody since: it stays.
    const liveCommands =
      live === value && before !== "" && before !== value ? [asRoot(...layout.set(key, before))] : [];
    if (fileCommands.length + liveCommands.length === 0)
      return { action: "none", commands: [], detail: `${key} is as it was` };
    return {
      action: restored === null ? "delete" : "update",
      commands: [...fileCommands, ...liveCommands],
      detail: `${liveText({ key, live, before }, liveCommands.length > 0)}${saved === null ? "" : `; kept: ${saved}`}`,
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

/** Why a setting would not outlive a boot: another file is read after its own; null when none is, or when that one does as well. */
export async function overruledReason(host: Host, setting: Setting): Promise<string | null> {
  const later = await laterSetting(host, setting);
  if (later?.value === null) return `${later.file} cannot be read, and counts at every boot after ${setting.file}`;
  return later === null || satisfies(setting, later.value)
    ? null
    : `${later.file} sets ${setting.key} to ${later.value} at every boot, after ${setting.file}`;
}

/** A file of our own is told by its digest, and so without a process. */
async function withDigest(host: Host, { file }: Sysctl, data: RecordData): Promise<RecordData> {
  const text = await host.readFile(file);
  if (!layoutOf(host).own || text === null) return data;
  return withSaved(host, { ...data, ...fileData({ path: file, text, mode: 0o644 }) });
}

/** What the live value is after an undo. */
function liveText({ key, live, before }: { key: string; live: string | null; before: string }, set: boolean): string {
  if (set || live === before) return `${key} is ${before} again`;
  return `${key} stays ${live ?? "unknown"}, which somebody else has set`;
}

/** For the first unprivileged port a lower value gives what is wanted too; it is not raised again, since somebody asked for it. */
function satisfies(setting: Omit<Setting, "file">, live: string): boolean {
  return setting.key.endsWith("ip_unprivileged_port_start")
    ? Number(live) <= Number(setting.value)
    : live === setting.value;
}

function effectOf(resource: Sysctl): string {
  const from = resource.key.endsWith("reservedhigh") ? Number(resource.value) + 1 : Number(resource.value);
  return `opens every port from ${from} up to every user of this machine`;
}
