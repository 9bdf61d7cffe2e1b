import type { HostRecord } from "../../store/types.ts";
import type { Host, HostCommand, Resource } from "../types.ts";
import { asRoot, blocked } from "./kind.ts";
import type { RecordData, ResourceKind } from "./kind.ts";
import {
  fileData,
  fileStands,
  fileState,
  filesPlan,
  managedText,
  rememberFile,
  undoFile,
  withSaved,
} from "./managed-file.ts";
import type { ManagedFile } from "./managed-file.ts";

type Unit = Extract<Resource, { kind: "unit" }> | Extract<Resource, { kind: "socket" }>;

const folder = "/etc/systemd/system";
/** Where packages have their units, and where units of this boot only are: one of ours with such a name would replace it. */
const otherFolders = [
  "/run/systemd/system",
  "/usr/local/lib/systemd/system",
  "/usr/lib/systemd/system",
  "/lib/systemd/system",
];

/** A unit file of systemd and whether it is started at boot. Whether it runs now is the server's affair, not the host's. */
function unitKind<R extends Unit>(suffix: "service" | "socket"): ResourceKind<R> {
  return {
    async plan(host, resource) {
      const unit = `${resource.name}.${suffix}`;
      const file = managed(resource, suffix);
      const link = linkOf(resource, suffix);
      const state = await fileState(host, file);
      const enabled = link !== null && (await host.facts(link)) !== null;
      const [dropIns, others] = await Promise.all([host.list(`${file.path}.d`), elsewhere(host, unit)]);
      const told = {
        current: state.current === null ? null : `${state.current}${dropInText(dropIns)}, ${enabledText(enabled)}`,
        desired: `${file.path}, ${enabledText(resource.enabled)}`,
        why:
          suffix === "service"
            ? "systemd starts, guards and restarts the server"
            : "systemd holds the ports and hands them to the server",
      };
      const stranger = state.owner === "absent" ? await stateOfAnother(host, resource) : null;
      const reason = nameReason(resource) ?? (await systemdReason(host)) ?? state.reason ?? others ?? stranger;
      if (reason !== null) return blocked(resource, { ...told, reason });
      if (resource.enabled && link === null)
        return blocked(resource, { ...told, reason: "its text does not say what it is wanted by" });

      const stale = state.owner !== "absent" && state.commands.length === 0 ? await needsReload(host, unit) : false;
      if (stale === null)
        return blocked(resource, {
          ...told,
          reason: `systemd does not tell whether it knows ${unit} (systemctl show)`,
        });
      const commands: readonly HostCommand[] = [
        ...state.commands,
        ...(state.commands.length > 0 || stale ? [asRoot("systemctl", "daemon-reload")] : []),
        ...(enabled === resource.enabled ? [] : [asRoot("systemctl", resource.enabled ? "enable" : "disable", unit)]),
      ];
      return filesPlan(resource, told, [state], commands);
    },

    async remember(host, resource) {
      const link = linkOf(resource, suffix);
      const before = link !== null && (await host.facts(link)) !== null;
      return {
        ...(await rememberFile(host, managed(resource, suffix))),
        ...unitData(resource, suffix),
        ...(before ? { wasEnabled: "true" } : {}),
      };
    },

    settle: (host, _resource, remembered) => withSaved(host, remembered),
    adopt: (host, resource) =>
      withSaved(host, { ...fileData(managed(resource, suffix)), ...unitData(resource, suffix) }),

    async undo(host, record) {
      const { file = "", unit = "", link = "", text: earlier, wasEnabled } = record.data;
      const state = await stateCommands(host, record);
      const plan = await undoFile(host, record, [asRoot("systemctl", "daemon-reload")]);
      const [present, linked] = await Promise.all([host.facts(file), link === "" ? null : host.facts(link)]);
      // What starts the unit at boot is a link of ours also where the file has become somebody else's.
      if (plan.action === "blocked")
        return linked === null || wasEnabled !== undefined
          ? plan
          : {
              ...plan,
              commands: [asRoot("rm", "-f", link), asRoot("systemctl", "daemon-reload")],
              detail: `${plan.detail}; only our link that starts it at boot goes`,
            };
      if (earlier !== undefined) {
        const disabled = linked !== null && wasEnabled === undefined ? [asRoot("systemctl", "disable", unit)] : [];
        const more = [...disabled, ...(stateOf(earlier) === null ? state : [])];
        return more.length === 0 ? plan : { ...plan, action: "update", commands: [...plan.commands, ...more] };
      }
      if (present === null)
        return linked === null && state.length === 0
          ? plan
          : {
              action: "delete",
              commands: [...plan.commands, ...state, asRoot("rm", "-f", link), asRoot("systemctl", "daemon-reload")],
              detail: `${unit} is gone already; what ${linked === null ? "it kept" : "started it at boot"} is removed`,
            };
      const dropIns = await host.list(`${file}.d`);
      return {
        ...plan,
        commands: [asRoot("systemctl", "disable", "--now", unit), ...state, ...plan.commands],
        detail: `${unit} is stopped; ${plan.detail}${dropIns.length === 0 ? "" : `; left: ${file}.d`}`,
      };
    },

    quickCheck: (host, record) => unitStands(host, record),

    remedy(argv) {
      return argv[0] === "systemctl"
        ? "see what systemd says: systemctl status, journalctl -xe; or set host.service: none"
        : "see whether /etc/systemd/system can be written, or set host.service: none";
    },
  };
}

/** The server as a service of systemd. */
export const unit = unitKind<Extract<Resource, { kind: "unit" }>>("service");

/** The ports that systemd listens on for it. */
export const socket = unitKind<Extract<Resource, { kind: "socket" }>>("socket");

async function unitStands(host: Host, { data }: HostRecord): Promise<boolean> {
  const { link = "", enabled } = data;
  const linked = link !== "" && (await host.facts(link)) !== null;
  return (await fileStands(host, data)) && linked === (enabled === "true");
}

function managed(resource: Unit, suffix: string): ManagedFile {
  return { path: `${folder}/${resource.name}.${suffix}`, text: managedText(resource.text), mode: 0o644 };
}

function unitData(resource: Unit, suffix: string): RecordData {
  return {
    unit: `${resource.name}.${suffix}`,
    enabled: String(resource.enabled),
    link: linkOf(resource, suffix) ?? "",
    ...(stateOf(resource.text) === null ? {} : { state: resource.name }),
  };
}

/** The folder below /var/lib that systemd makes for a unit, as its `StateDirectory=` says; null without that. */
function stateOf(text: string): string | null {
  return /^StateDirectory=(\S+)$/m.exec(text)?.[1] ?? null;
}

/** Removes what a unit has kept, where systemd puts it: with a user of the moment behind a link. `systemctl clean` would need a unit that did not fail. */
async function stateCommands(host: Host, { data }: HostRecord): Promise<readonly HostCommand[]> {
  const name = data["state"];
  if (name === undefined || (await host.facts(`/var/lib/${name}`)) === null) return [];
  return [asRoot("rm", "-rf", `/var/lib/${name}`, `/var/lib/private/${name}`)];
}

/** systemd would make a folder its own that is there already, and we would remove it. */
async function stateOfAnother(host: Host, { text }: Unit): Promise<string | null> {
  const name = stateOf(text);
  if (name === null || (await host.facts(`/var/lib/${name}`)) === null) return null;
  return `/var/lib/${name} is there and was not made by tlsforge: remove it, or choose another prefix`;
}

/** The link that starts a unit at boot, as its `WantedBy=` says; null without that. */
function linkOf({ name, text }: Unit, suffix: string): string | null {
  const target = /^WantedBy=(\S+)$/m.exec(text)?.[1];
  return target === undefined ? null : `${folder}/${target}.wants/${name}.${suffix}`;
}

function nameReason({ name }: Unit): string | null {
  return /^[a-z][a-z0-9-]{0,200}$/.test(name) ? null : `${JSON.stringify(name)} is no name for a service`;
}

async function systemdReason(host: Host): Promise<string | null> {
  if (host.platform.os !== "linux") return "systemd is Linux's only";
  // sd_booted(3).
  if ((await host.facts("/run/systemd/system")) === null) return "this machine was not booted with systemd";
  return (await host.which("systemctl")) === null ? "systemctl is missing" : null;
}

async function elsewhere(host: Host, name: string): Promise<string | null> {
  const found = await Promise.all(otherFolders.map((other) => host.facts(`${other}/${name}`)));
  const index = found.findIndex((facts) => facts !== null);
  return index === -1 ? null : `${otherFolders[index] ?? ""}/${name} is there and was not written by tlsforge`;
}

/** Whether systemd knows an older file than there is: a run was killed before it could say so. Null: it does not answer. */
async function needsReload(host: Host, name: string): Promise<boolean | null> {
  const answer = await host.exec(["systemctl", "show", "--property=LoadState,NeedDaemonReload", name], {
    timeoutSeconds: 20,
  });
  if (answer.exitCode !== 0) return null;
  const state = new Map(answer.stdout.split("\n").map((line) => line.split("=") as [string, string]));
  if (state.get("LoadState") === undefined) return null;
  return state.get("NeedDaemonReload") === "yes" || state.get("LoadState") === "not-found";
}

function dropInText(names: readonly string[]): string {
  const files = names.filter((name) => name.endsWith(".conf"));
  return files.length === 0 ? "" : ` with settings of yours (${files.join(", ")})`;
}

function enabledText(enabled: boolean): string {
  return enabled ? "started at boot" : "not started at boot";
}
