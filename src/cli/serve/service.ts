import { createHash } from "node:crypto";
import path from "node:path";
import { splitAddress } from "../../address.ts";
import { ForgeError } from "../../errors.ts";
import {
  findAccount,
  openrcScript,
  rcdScript,
  rcName,
  serviceDecision,
  serviceUnit,
  socketUnit,
  type Host,
  type LowPortDecision,
  type Resource,
  type ServiceDecision,
  type ServiceManager,
} from "../../host/index.ts";
import type { Site } from "../../recipe/index.ts";
import { certificatesIn, credentialsOf, literalAddress, serverPaths, type ServiceUser } from "../../server/index.ts";
import { inSafeHands } from "../../store/index.ts";
import type { Context } from "../context.ts";
import { dhParametersOf } from "./terms.ts";

/** The service of a prefix: who runs its server and as whom, and why. */
export interface Service extends ServiceDecision {
  /** Of its units, its folder below /run, its account. */
  readonly name: string;
  /** The system account that a server which root starts becomes; null: systemd gives it one, or it stays who provisions. */
  readonly account: string | null;
  /** What is not as safe here as it could be, and must be told; null when nothing is. */
  readonly warning: string | null;
}

/** Who runs a prefix's server here. Throws `host-refused` for a manager that the site file asks for and that cannot be had. */
export async function serviceOf(host: Host, site: Site, prefix: string): Promise<Service> {
  const name = serviceName(prefix);
  const decision = await serviceDecision(host, { choice: site.host.service, prefix });
  if (host.uid !== 0) return { ...decision, name, account: null, warning: null };
  const closed = await closedFolder(host, prefix);
  if (closed === null)
    return { ...decision, name, account: decision.manager === "systemd" ? null : name, warning: null };
  const { service: choice } = site.host;
  if (choice !== "auto" && choice !== "none") {
    throw new ForgeError("host-refused", `no service of ${choice} for ${prefix}: no other user may enter ${closed}`, {
      hint: "choose a prefix that everybody may enter, or set host.service: auto",
    });
  }
  const reason = `the server stays root, in the background: no other user may enter ${closed}`;
  return { manager: "none", reasons: [...decision.reasons, reason], name, account: null, warning: reason };
}

/** Tells what is not as safe as it could be of a service that is about to be used. */
export function tellService({ emit }: Pick<Context, "emit">, { warning }: Service): void {
  if (warning === null) return;
  emit({ type: "warning", message: warning, hint: "choose a prefix that everybody may enter, as /opt/tlsforge" });
}

/** `tlsforge` for the prefix that root takes by itself; any other has a digest of its path in the name. */
export function serviceName(prefix: string): string {
  if (prefix === "/opt/tlsforge") return "tlsforge";
  return `tlsforge-${createHash("sha256").update(prefix).digest("hex").slice(0, 8)}`;
}

/** A folder on the way to the prefix, behind all links, that only its owner or group may enter; null when everybody may. */
async function closedFolder(host: Host, prefix: string): Promise<string | null> {
  return (await closedOn(host, prefix)) ?? (await closedOn(host, realPath(host, prefix)));
}

/** What is not there yet lies where the nearest folder above it really is. */
function realPath(host: Host, file: string): string {
  const real = host.tree.real(file);
  if (real !== null || file === "/") return real ?? file;
  return path.join(realPath(host, path.dirname(file)), path.basename(file));
}

async function closedOn(host: Host, start: string): Promise<string | null> {
  for (let folder = start; folder !== "/"; folder = path.dirname(folder)) {
    const facts = await host.facts(folder);
    if (facts !== null && facts.kind === "folder" && (facts.mode & 0o001) === 0) return folder;
  }
  return null;
}

/** What a worker may hold, and how long connections may take to end, where the site does not say: `Limits` of the server. */
const workerBytes = 512 << 20;
const drainSeconds = 5;

/** What resources of a service are made from. */
export interface ServiceWork {
  readonly site: Site;
  readonly prefix: string;
  readonly service: Service;
  readonly lowPort: LowPortDecision;
  /** How this program is called to reload, from anywhere; null when that is not known. */
  readonly reload: readonly string[] | null;
}

/** The account that a service's server runs as, when it needs one of its own. */
export function accountResources({ account }: Service): readonly Resource[] {
  if (account === null) return [];
  const asked = { origin: "default: the server does not run as root", demanded: true } as const;
  return [
    { kind: "group", id: `group:${account}`, name: account, ...asked },
    { kind: "user", id: `user:${account}`, name: account, group: account, home: "/nonexistent", ...asked },
  ];
}

/** Units or a start script of a service. */
export async function serviceResources(work: ServiceWork): Promise<readonly Resource[]> {
  const { site, service } = work;
  const { manager, name } = service;
  const origin =
    site.host.service === "auto" ? "default: host.service is auto" : `site file: host.service is ${site.host.service}`;
  const asked = { origin, demanded: true, enabled: true } as const;
  const make: Readonly<Record<ServiceManager, () => Promise<readonly Resource[]>>> = {
    none: () => Promise.resolve([]),
    systemd: async () => {
      const options = await systemdOptions(work);
      const unit = { kind: "unit", id: `unit:${name}`, name, ...asked } as const;
      const socket = { kind: "socket", id: `socket:${name}`, name, ...asked } as const;
      return [
        { ...unit, text: serviceUnit(options) },
        ...(options.lowPort === "socket" ? [{ ...socket, text: socketUnit(options) }] : []),
      ];
    },
    openrc: () => Promise.resolve([{ ...startScript(work, "openrc"), ...asked }]),
    "rc.d": () => Promise.resolve([{ ...startScript(work, "rc.d"), ...asked }]),
  };
  return make[manager]();
}

async function systemdOptions({ site, prefix, service, lowPort, reload }: ServiceWork) {
  const { listen, redirect, certificate, workers, limits } = site.server;
  const count =
    certificate.kind === "directory"
      ? (await certificatesIn(certificate.directory)).pairs.length
      : certificate.keys.length;
  const folder = serverPaths(prefix).credentials;
  // Links of fixed names, so that a renewed certificate does not change the unit.
  const pairs = Array.from({ length: count }, () => ({ chain: "", key: "" }));
  const parameters = dhParametersOf(prefix, { site, outputs: { purpose: "service" } })?.file;
  const policy = { dhe: parameters === undefined ? null : { parameters } };
  return {
    name: service.name,
    prefix,
    listen: listen.map(literalAddress),
    redirect: redirect.map(literalAddress),
    credentials: credentialsOf("", { certificates: pairs, policy }).map(
      ([credential]) => [credential, path.join(folder, credential)] as const,
    ),
    lowPort: lowPort.method === "socket" || lowPort.method === "ambient" ? lowPort.method : ("none" as const),
    folders: foldersOf(site.server.app),
    workers,
    workerBytes: limits.workerBytes ?? workerBytes,
    drainSeconds: limits.drainSeconds ?? drainSeconds,
    ...(reload === null ? {} : { reload }),
  };
}

/** Folders outside of the prefix that what is served is read from or reached by. Throws `host-refused` for a socket that cannot be shown alone. */
function foldersOf(app: Site["server"]["app"]): readonly string[] {
  if (app.kind === "static") return [app.directory];
  if (app.kind === "factory") return app.path === null ? [] : [app.path];
  if (app.kind !== "proxy" || !app.upstream.startsWith("unix:")) return [];
  // A socket that is made anew is another file, so it is its folder that has to be seen.
  const folder = path.dirname(app.upstream.slice("unix:".length));
  if (!/^\/(?:home|root|tmp|var\/tmp|run\/user)$/.test(folder)) return [folder];
  throw new ForgeError(
    "host-refused",
    `a service of systemd does not see ${folder}, where the socket ${app.upstream} is`,
    {
      hint: "let the application make its socket in a folder of its own, below /run",
    },
  );
}

/** Where each system has start scripts that no package brings, and how it names them. */
function startScript({ prefix, service, reload }: ServiceWork, system: "openrc" | "rc.d") {
  const { config } = serverPaths(prefix);
  const options = { name: service.name, prefix, config, ...(reload === null ? {} : { reload }) };
  const script = { kind: "rc-script", system } as const;
  const name = system === "openrc" ? service.name : rcName(service.name);
  const id = `rc-script:${name}`;
  return system === "openrc"
    ? { ...script, id, name, path: `/etc/init.d/${name}`, settings: {}, text: openrcScript(options) }
    : {
        ...script,
        id,
        name,
        path: `/usr/local/etc/rc.d/${name}`,
        settings: { [`${name}_enable`]: "YES" },
        text: rcdScript(options),
      };
}

/** What of a context a service manager's reload is made from. */
export type ReloadContext = Pick<Context, "executable" | "helper" | "code" | "recipes" | "options">;

/** What a service manager runs to reload; null, with the reason, where there is none. */
export interface Reload {
  readonly command: readonly string[] | null;
  readonly reason: string | null;
}

/**
 * What a service manager runs, as root, to reload. There is none where something that it reads or runs (the program, its Node, its code, the
 * recipes, the site file) could be changed by somebody who is not root, which would make that somebody root at the next reload.
 */
export function reloadCommand({ executable, helper, code, recipes, options }: ReloadContext): Reload {
  const config = options.config === null ? [] : [options.config];
  const none = (why: string): Reload => ({ command: null, reason: `the service manager cannot reload it: ${why}` });
  if (!path.isAbsolute(executable)) return none(`where ${executable} lies is not known`);
  const unsafe = [executable, ...helper.slice(0, 1), code, recipes, ...config].find((file) => !inSafeHands(file));
  if (unsafe !== undefined) return none(`${unsafe} can be changed by others than root; use ${executable} reload`);
  const folders = ["--prefix", options.prefix, "--recipes", recipes];
  const command = [executable, "reload", ...folders, ...config.flatMap((file) => ["--config", file])];
  return { command, reason: null };
}

/** Whether the host is as wished already: before that an account may be missing, after it none may. */
export type HostMoment = "planned" | "applied";

/**
 * The account of a service as the machine knows it; null when it has none, or, as long as that is only planned, when none is there yet.
 * Throws `host-refused` when it ought to be there and is not: the server would silently stay root. Throws `host-failed` when it cannot be told.
 */
export async function accountOf(host: Host, { account }: Service, moment: HostMoment): Promise<ServiceUser | null> {
  if (account === null) return null;
  const found = await findAccount(host, account);
  if (found !== null) return { name: account, uid: found.uid, gid: found.gid };
  if (moment === "planned") return null;
  throw new ForgeError("host-refused", `there is no account ${account}, which the server is to run as`, {
    hint: "run tlsforge provision, which makes it: without it the server would stay root",
  });
}

/** What the machine's firewall would have to let in: ports that are not loopback's alone. */
export function firewallResources({ server }: Site): readonly Resource[] {
  const open = [...server.listen, ...server.redirect].filter(
    (address) => !/^(?:127\.|\[::1\]:|localhost:)/.test(address),
  );
  if (open.length === 0) return [];
  const ports = [...new Set(open.map((address) => splitAddress(address).port))];
  return [{ kind: "firewall", id: "firewall:ports", origin: "site file: server.listen", demanded: false, ports }];
}
