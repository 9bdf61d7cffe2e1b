/** Runs as root on a machine that systemd has booted: makes every kind of change for real, and reports what was then, as JSON. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  applyHost,
  detectPlatform,
  nodeHost,
  planHost,
  provePort,
  quickCheckHost,
  serviceDecision,
  undoHost,
} from "../../../src/host/index.ts";
import type { Resource } from "../../../src/host/index.ts";
import { stands } from "../../../src/host/light.ts";

const ignore = (): void => undefined;
const host = nodeHost({
  platform: detectPlatform({ os: process.platform, arch: process.arch }),
  environment: process.env,
  uid: process.getuid?.() ?? -1,
  emit: ignore,
  interactive: false,
  allowSudo: false,
});

const asked = { origin: "test", demanded: true } as const;
const unitFile = "/etc/systemd/system/tlsforge.service";
const key = "net.ipv4.ip_unprivileged_port_start";
const resources: readonly Resource[] = [
  { ...asked, kind: "group", id: "group:tlsforge", name: "tlsforge" },
  { ...asked, kind: "user", id: "user:tlsforge", name: "tlsforge", group: "tlsforge", home: "/opt/tlsforge/var" },
  {
    ...asked,
    kind: "file",
    id: "file",
    path: "/etc/tmpfiles.d/tlsforge.conf",
    text: "# nothing\n",
    mode: 0o600,
    why: "test",
  },
  {
    ...asked,
    kind: "unit",
    id: "unit:tlsforge.service",
    name: "tlsforge",
    text: "[Service]\nUser=tlsforge\nExecStart=/bin/sleep 600\n[Install]\nWantedBy=multi-user.target\n",
    enabled: true,
  },
  {
    ...asked,
    kind: "socket",
    id: "socket:tlsforge.socket",
    name: "tlsforge",
    text: "[Socket]\nListenStream=443\n[Install]\nWantedBy=sockets.target\n",
    enabled: true,
  },
];
const sysctl: Resource = {
  ...asked,
  kind: "sysctl",
  id: "sysctl",
  key,
  value: "443",
  file: "/etc/sysctl.d/50-tlsforge.conf",
};
const copy = "/opt/tlsforge/var/low-port/bin/python3";
const capability: Resource = {
  ...asked,
  kind: "capability",
  id: "capability:interpreter",
  source: "/usr/bin/python3",
  copy,
  capability: "cap_net_bind_service",
  group: "tlsforge",
};

mkdirSync("/opt/tlsforge/var", { recursive: true });
const before = state();
const plans = await planHost(host, resources);
const records = await applyHost(host, plans, { emit: ignore });
const actions = plans.map(({ action }) => action);
const again = (await planHost(host, resources)).map(({ action }) => action);
const quick = await quickCheckHost(host, records);
const light = records.map((record) => stands(record));
execFileSync("systemctl", ["start", "tlsforge.socket", "tlsforge.service"]);
const states = (): string =>
  spawnSync("systemctl", ["is-active", "tlsforge.service", "tlsforge.socket"], { encoding: "utf8" }).stdout;
const running = states();
const stranger = await outcomes("ambient");

appendFileSync(unitFile, "# mine\n");
const changed = records.map((record) => stands(record));
const drift = (await planHost(host, resources)).flatMap(({ action, current }) => (action === "none" ? [] : [current]));
const later = await applyHost(host, await planHost(host, resources), { emit: ignore });
const kept = readdirSync("/etc/systemd/system").filter((name) => name.includes("saved"));

const open = await applyHost(host, await planHost(host, [sysctl]), { emit: ignore });
const openLight = open.map((record) => stands(record));
const opened = await outcomes("sysctl");
await undoHost(host, open, { emit: ignore });
const closed = await outcomes("none");

const granted = await applyHost(host, await planHost(host, [capability]), { emit: ignore });
const copied = (
  await provePort(host, { address: "0.0.0.0:444", method: "file-capability", interpreter: "/usr/bin/python3", copy })
).map(({ outcome, message }) => `${outcome} ${message}`);
const bound = spawnSync("setpriv", [
  "--reuid=tlsforge",
  "--regid=tlsforge",
  "--clear-groups",
  copy,
  "-c",
  "import socket; socket.socket().bind(('', 444))",
]).status;
await undoHost(host, granted, { emit: ignore });

const standing = await undoHost(host, later, { emit: ignore });
const ended = states();
const left = difference(before, state());
for (const name of kept) rmSync(join("/etc/systemd/system", name));
process.stdout.write(
  JSON.stringify({
    decision: (await serviceDecision(host, { choice: "auto", prefix: "/opt/tlsforge" })).manager,
    actions,
    again,
    quick,
    light,
    running,
    stranger,
    changed,
    drift,
    kept,
    openLight,
    opened,
    closed,
    copied,
    bound,
    standing,
    ended,
    left,
    rest: difference(before, state()),
  }),
);

async function outcomes(method: Parameters<typeof provePort>[1]["method"]): Promise<readonly string[]> {
  const proofs = await provePort(host, { address: "0.0.0.0:443", method, interpreter: "/usr/bin/python3" });
  return proofs.map(({ outcome }) => outcome);
}

/** Everything that a change of the machine would show in. */
function state(): ReadonlyMap<string, string> {
  const entries = ["/etc", "/opt", "/var/lib/systemd"].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
  );
  const units = spawnSync("systemctl", ["list-unit-files", "--no-pager"], { encoding: "utf8" }).stdout;
  const setting = readFileSync(`/proc/sys/${key.replaceAll(".", "/")}`, "utf8");
  return new Map([...entries.map((path) => [path, factsOf(path)] as const), ["units", units], [key, setting]]);
}

/** Backups that the account programs leave of the files that they change are theirs. */
function difference(one: ReadonlyMap<string, string>, other: ReadonlyMap<string, string>): readonly string[] {
  const paths = new Set([...one.keys(), ...other.keys()]);
  const backups = /^\/etc\/(?:passwd|group|shadow|gshadow|subuid|subgid)-$/;
  return [...paths].filter((path) => one.get(path) !== other.get(path) && !backups.test(path));
}

function factsOf(path: string): string {
  const facts = lstatSync(path);
  const digest = facts.isFile() ? createHash("sha256").update(readFileSync(path)).digest("hex") : "";
  return `${facts.mode} ${facts.uid} ${facts.gid} ${facts.isSymbolicLink() ? readlinkSync(path) : digest}`;
}
