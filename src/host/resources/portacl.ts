import type { Host, HostCommand, Resource } from "../types.ts";
import { findAccount } from "./accounts.ts";
import { asRoot, blocked, planBase } from "./kind.ts";
import type { RecordData, ResourceKind } from "./kind.ts";
import { fileState, leftoverCommands, managedText, ownerOf, writeCommands } from "./managed-file.ts";
import type { ManagedFile } from "./managed-file.ts";
import { liveValue, sharedFile } from "./sysctl-file.ts";
import type { Setting } from "./sysctl-file.ts";

type Portacl = Extract<Resource, { kind: "portacl" }>;

const rulesKey = "security.mac.portacl.rules";
const rangeKey = "net.inet.ip.portrange.reservedhigh";
const settingsFile = "/etc/sysctl.conf";
const none = "none";

/**
 * FreeBSD's mac_portacl(4): a rule for one user and port. The kernel's own range has to be opened for the rules to count;
 * the module then keeps everybody else out of it. The rules are set before the range is opened, and taken away after it is closed.
 */
export const portacl: ResourceKind<Portacl> = {
  async plan(host, resource) {
    const state = await look(host, resource);
    const told = {
      current: state.live === null ? null : `${rulesKey} = ${state.live}`,
      desired: `tcp ${resource.ports.join(", ")} for user ${resource.user}`,
      why: "the server's user, and no other, may bind its ports",
    };
    const reason = reasonAgainst(host, resource, state);
    if (reason !== null) return blocked(resource, { ...told, reason });
    const commands: readonly HostCommand[] = [
      ...state.module.commands,
      ...(state.live === null ? [asRoot("kldload", "mac_portacl")] : []),
      ...(state.wantedText === state.text ? [] : writeCommands(settingsFile, state.wantedText)),
      ...(state.live === state.rules ? [] : [asRoot("sysctl", `${rulesKey}=${state.rules}`)]),
      ...(state.range === "0" ? [] : [asRoot("sysctl", `${rangeKey}=0`)]),
    ];
    if (commands.length === 0) return { ...planBase(resource), ...told, action: "none", commands };
    return {
      ...planBase(resource),
      ...told,
      action: state.live === null ? "create" : "update",
      commands,
      effect: `mac_portacl decides about every port below 1024: user ${resource.user} may bind tcp ${resource.ports.join(", ")}, all others still may not`,
    };
  },

  async remember(host, resource) {
    const { live, range, text, rules } = await look(host, resource);
    const before = text === null ? {} : { text };
    // With the rules that will be ours: a run that is killed leaves no other record.
    const ours = { rules, user: resource.user };
    return { live: live ?? none, range: range ?? "1023", loaded: String(live !== null), ...before, ...ours };
  },

  async settle(host, resource, remembered) {
    const { rules } = await look(host, resource);
    return { ...remembered, rules, user: resource.user };
  },

  async adopt(host, resource) {
    const { rules, text } = await look(host, resource);
    if (sharedFile.keeps({ file: settingsFile, key: rulesKey, value: rules }, text) !== rules) return null;
    return { rules, user: resource.user, ...beforeIn(text ?? ""), loaded: "false" } satisfies RecordData;
  },

  async undo(host, record) {
    const { rules = "", live = none, range = "1023", loaded, text: earlier } = record.data;
    const file = moduleFile();
    const [text, rulesNow, rangeNow, ...leftover] = await Promise.all([
      host.readFile(settingsFile),
      liveValue(host, rulesKey),
      liveValue(host, rangeKey),
      leftoverCommands(host, settingsFile),
      leftoverCommands(host, file.path),
    ]);
    const module = ownerOf(await host.readFile(file.path)) === "ours" ? [asRoot("rm", "-f", file.path)] : [];
    const rest = [rulesKey, rangeKey].reduce<string | null>(
      (left, key) => sharedFile.without({ file: settingsFile, key, value: "" }, left, earlier ?? null),
      text,
    );
    // A last line that had no end gets it back.
    const without = earlier !== undefined && rest === `${earlier}\n` ? earlier : rest;
    // A live value that is no longer ours was set by somebody since: it stays, and so does the module.
    const ours = rulesNow === rules;
    const commands: readonly HostCommand[] = [
      ...leftover.flat(),
      ...(rangeNow === "0" && range !== "0" ? [asRoot("sysctl", `${rangeKey}=${range}`)] : []),
      ...(ours ? [asRoot("sysctl", `${rulesKey}=${live === none ? "" : live}`)] : []),
      ...(without === text
        ? []
        : without === null
          ? [asRoot("rm", "-f", settingsFile)]
          : writeCommands(settingsFile, without)),
      ...module,
      ...(ours && loaded === "false" ? [asRoot("kldunload", "mac_portacl")] : []),
    ];
    return {
      action: commands.length === 0 ? "none" : "update",
      commands,
      detail: `the rules of mac_portacl are ${live === none ? "gone" : live}, ports up to ${range} are root's again`,
    };
  },

  async quickCheck(host, record) {
    const [rules, range] = await Promise.all([liveValue(host, rulesKey), liveValue(host, rangeKey)]);
    if (range === null) return null;
    return rules === record.data["rules"] && range === "0";
  },

  remedy(argv) {
    return argv[0] === "kldload"
      ? "this kernel or jail does not take mac_portacl: use host.low-port: sysctl"
      : "see whether /etc and /boot can be written, or use host.low-port: sysctl";
  },
};

interface State {
  readonly uid: number | null;
  /** The rules in force; null: the module is not loaded. */
  readonly live: string | null;
  /** Those with ours among them. */
  readonly rules: string;
  readonly range: string | null;
  readonly portHigh: string | null;
  readonly text: string | null;
  readonly wantedText: string;
  readonly module: Awaited<ReturnType<typeof fileState>>;
}

async function look(host: Host, resource: Portacl): Promise<State> {
  const [account, live, range, portHigh, text, module] = await Promise.all([
    findAccount(host, resource.user),
    liveValue(host, rulesKey),
    liveValue(host, rangeKey),
    liveValue(host, "security.mac.portacl.port_high"),
    host.readFile(settingsFile),
    fileState(host, moduleFile()),
  ]);
  const uid = account?.uid ?? null;
  const theirs = (live ?? "").split(",").filter((rule) => rule !== "");
  const ours = resource.ports.map((port) => `uid:${uid ?? "?"}:tcp:${port}`);
  const rules = [...theirs, ...ours.filter((rule) => !theirs.includes(rule))].join(",");
  const settings = [
    {
      setting: { file: settingsFile, key: rulesKey, value: rules },
      before: live === null || live === "" ? none : live,
    },
    { setting: { file: settingsFile, key: rangeKey, value: "0" }, before: range ?? "1023" },
  ];
  const wantedText = settings.reduce((rest, { setting, before }) => withSetting(rest, setting, before), text ?? "");
  return { uid, live, rules, range, portHigh, text, wantedText, module };
}

function withSetting(text: string, setting: Setting, before: string): string {
  return sharedFile.keeps(setting, text) === setting.value ? text : sharedFile.text(setting, text, before);
}

function reasonAgainst(host: Host, resource: Portacl, state: State): string | null {
  if (host.platform.os !== "freebsd") return "mac_portacl is FreeBSD's";
  if (resource.ports.length === 0) return "no port is below 1024";
  if (state.uid === null) return `there is no user ${resource.user} yet`;
  if (state.range === null) return `this kernel does not tell ${rangeKey}`;
  if (state.portHigh !== null && Number(state.portHigh) < 1023)
    return `security.mac.portacl.port_high is ${state.portHigh}: ports above it would be open to every user`;
  const others = [rulesKey, rangeKey].map((key) =>
    sharedFile.drift({ file: settingsFile, key, value: key === rangeKey ? "0" : state.rules }, state.text),
  );
  return state.module.reason ?? others.find((other) => other !== null) ?? null;
}

/** The kernel loads the module before rc(8) reads /etc/sysctl.conf. */
function moduleFile(): ManagedFile {
  return { path: "/boot/loader.conf.d/tlsforge.conf", text: managedText('mac_portacl_load="YES"\n'), mode: 0o644 };
}

/** What our lines say that the values were before. */
function beforeIn(text: string): RecordData {
  const value = (key: string): string | undefined =>
    text
      .split("\n")
      .find((line) => line.startsWith(`${key}=`))
      ?.match(/# tlsforge, it was (\S+)$/)?.[1];
  return { live: value(rulesKey) ?? none, range: value(rangeKey) ?? "1023" };
}
