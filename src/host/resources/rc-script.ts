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

type RcScript = Extract<Resource, { kind: "rc-script" }>;

/**
 * A start script with its settings in a file of their own: OpenRC (/etc/init.d, /etc/conf.d, a link in a runlevel) or FreeBSD's rc.d
 * (/usr/local/etc/rc.d, /etc/rc.conf.d, where the settings say whether it is started at boot).
 */
export const rcScript: ResourceKind<RcScript> = {
  async plan(host, resource) {
    const [script, settings] = await Promise.all([
      fileState(host, scriptFile(resource)),
      fileState(host, settingsFile(resource)),
    ]);
    const link = linkOf(resource);
    const enabled = link === null ? resource.enabled : (await host.facts(link)) !== null;
    const told = {
      current:
        script.current === null
          ? null
          : `${script.current}, ${settings.current ?? "no settings"}${link === null ? "" : `, ${enabledText(enabled)}`}`,
      desired: `${resource.path}, ${settingsFile(resource).path}, ${enabledText(resource.enabled)}`,
      why: "the machine starts the server at boot",
    };
    const reason = (await systemReason(host, resource)) ?? script.reason ?? settings.reason;
    if (reason !== null) return blocked(resource, { ...told, reason });
    const commands: readonly HostCommand[] = [
      ...(settings.commands.length > 0 && (await lacksFolder(host, resource))
        ? [asRoot("mkdir", "-p", bsdSettings)]
        : []),
      ...settings.commands,
      ...script.commands,
      ...(enabled === resource.enabled
        ? []
        : [asRoot("rc-update", resource.enabled ? "add" : "del", resource.name, "default")]),
    ];
    return filesPlan(resource, told, [script, settings], commands);
  },

  async remember(host, resource) {
    const [script, settings] = await Promise.all([
      rememberFile(host, scriptFile(resource)),
      rememberFile(host, settingsFile(resource)),
    ]);
    const made = (await lacksFolder(host, resource)) ? { folder: bsdSettings } : {};
    return { ...script, ...prefixed(settings), ...made, ...scriptData(resource) };
  },

  settle: (host, _resource, remembered) => withCopies(host, remembered),
  adopt: (host, resource) =>
    withCopies(host, {
      ...fileData(scriptFile(resource)),
      ...prefixed(fileData(settingsFile(resource))),
      ...scriptData(resource),
    }),

  async undo(host, record) {
    const { name = "", system = "", link = "", folder } = record.data;
    const [script, settings] = await Promise.all([
      undoFile(host, record),
      undoFile(host, { ...record, data: settingsOf(record.data) }),
    ]);
    if (script.action === "blocked") return script;
    if (settings.action === "blocked") return settings;
    if (record.data["text"] !== undefined)
      return { ...script, action: "update", commands: [...script.commands, ...settings.commands] };
    const linked = link !== "" && (await host.facts(link)) !== null;
    const others = folder === undefined ? [] : (await host.list(folder)).filter((entry) => entry !== name);
    const commands = [
      ...(script.action === "delete" ? await stopCommands(host, system, name) : []),
      ...(linked ? [asRoot("rc-update", "del", name, "default")] : []),
      ...script.commands,
      ...settings.commands,
      ...(folder !== undefined && others.length === 0 ? [asRoot("rmdir", folder)] : []),
    ];
    return {
      action: commands.length === 0 ? "none" : "delete",
      commands,
      detail: `${script.detail}; ${settings.detail}`,
    };
  },

  async quickCheck(host, record) {
    const { link = "", enabled } = record.data;
    const linked = link === "" || ((await host.facts(link)) !== null) === (enabled === "true");
    return (await fileStands(host, record.data)) && (await fileStands(host, settingsOf(record.data))) && linked;
  },

  remedy(argv) {
    return argv[0] === "rc-update" || argv[0] === "rc-service" || argv[0] === "service"
      ? "run that command as root to see what is wrong, or set host.service: none"
      : "see whether the folder of start scripts can be written, or set host.service: none";
  },
};

/** Not on every FreeBSD. */
const bsdSettings = "/etc/rc.conf.d";

async function lacksFolder(host: Host, { system }: RcScript): Promise<boolean> {
  return system === "rc.d" && (await host.facts(bsdSettings)) === null;
}

function scriptFile({ path, text }: RcScript): ManagedFile {
  return { path, text: managedText(text), mode: 0o755 };
}

function settingsFile({ system, name, settings }: RcScript): ManagedFile {
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${quoted(value)}\n`);
  return {
    path: system === "openrc" ? `/etc/conf.d/${name}` : `/etc/rc.conf.d/${name}`,
    text: managedText(lines.join("")),
    mode: 0o644,
  };
}

/** Both systems read settings with a shell. */
function quoted(value: string): string {
  return `"${value.replaceAll(/["$`\\]/g, String.raw`\$&`)}"`;
}

function linkOf({ system, name }: RcScript): string | null {
  return system === "openrc" ? `/etc/runlevels/default/${name}` : null;
}

function scriptData(resource: RcScript): RecordData {
  const { name, system, enabled } = resource;
  return { name, system, enabled: String(enabled), link: linkOf(resource) ?? "" };
}

const settingsMark = "settings.";

function prefixed(data: RecordData): RecordData {
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [`${settingsMark}${key}`, value]));
}

/** What a record says of the settings file, as of a file of its own. */
function settingsOf(data: RecordData): RecordData {
  const own = Object.entries(data).filter(([key]) => key.startsWith(settingsMark));
  return Object.fromEntries(own.map(([key, value]) => [key.slice(settingsMark.length), value]));
}

async function withCopies(host: Host, data: RecordData): Promise<RecordData> {
  return { ...(await withSaved(host, data)), ...prefixed(await withSaved(host, settingsOf(data))) };
}

/** A script that does not run what it starts says so, and must not be stopped: that would fail. */
async function stopCommands(host: Host, system: string, name: string): Promise<readonly HostCommand[]> {
  const ask = system === "openrc" ? ["rc-service", name, "status"] : ["service", name, "onestatus"];
  const running = (await host.exec(ask, { timeoutSeconds: 20 })).exitCode === 0;
  if (!running) return [];
  return [system === "openrc" ? asRoot("rc-service", name, "stop") : asRoot("service", name, "onestop")];
}

async function systemReason(host: Host, { system, name, settings }: RcScript): Promise<string | null> {
  const wrongName = system === "openrc" ? !/^[a-z][a-z0-9-]*$/.test(name) : !/^[a-z][a-z0-9_]*$/.test(name);
  if (wrongName) return `${JSON.stringify(name)} is no name for a start script`;
  const wrong = Object.entries(settings).find(
    ([key, value]) => !/^[a-z_][a-z0-9_]*$/.test(key) || /\p{Cc}/u.test(value),
  );
  if (wrong !== undefined) return `${wrong[0]} cannot be a setting`;
  if (system === "rc.d") return host.platform.os === "freebsd" ? null : "rc.d is FreeBSD's";
  return (await host.which("rc-update")) === null ? "rc-update is missing: this machine has no OpenRC" : null;
}

function enabledText(enabled: boolean): string {
  return enabled ? "started at boot" : "not started at boot";
}
