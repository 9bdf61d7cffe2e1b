/** systemd's two units for a prefix, as pure functions. What every setting means: systemd.exec(5), systemd.socket(5). */
import { ForgeError } from "../../errors.ts";
import { absolutePath, plainText } from "./words.ts";

/** What the units of a prefix are made from. All paths absolute. */
export interface SystemdOptions {
  /** `tlsforge`, or `tlsforge-<digest>`: of the units, of the folder below /run, of the account. */
  readonly name: string;
  readonly prefix: string;
  /** `address:port`, IPv6 in brackets. */
  readonly listen: readonly string[];
  readonly redirect: readonly string[];
  /** What the server is handed over: name, and the file that holds it. */
  readonly credentials: readonly (readonly [name: string, file: string])[];
  /** How the service gets at its ports: systemd's socket unit, the capability to bind low ones, or nothing of the kind. */
  readonly lowPort: "socket" | "ambient" | "none";
  /** Folders that the server reads besides its prefix, such as a static site's. */
  readonly folders: readonly string[];
  /** Processes that serve (0: one for each processor), and the most that each may hold. */
  readonly workers: number;
  readonly workerBytes: number;
  /** How long connections may take to come to their end when the service stops. */
  readonly drainSeconds: number;
  /** What `systemctl reload` runs, as root and outside of the sandbox: who reads new keys must be allowed to. */
  readonly reload?: readonly string[];
}

/** The text of `NAME.service`. It starts whatever generation is current. Throws `host-refused` for a path that cannot stand in a unit. */
export function serviceUnit(options: SystemdOptions): string {
  const { name, prefix, lowPort, reload } = options;
  const program = `${absolutePath(prefix, "prefix")}/current/bin/tlsforge-server`;
  return sections({
    Unit: [
      `Description=TLS server of ${specifiers(prefix)} (tlsforge)`,
      `Documentation=file:${encodeURI(prefix).replaceAll("%", "%%")}/current/manifest.json`,
      ...(lowPort === "socket" ? [`Requires=${name}.socket`, `After=${name}.socket`] : []),
      // systemd's socket is bound to an address that is not there yet; a server that binds itself has to wait for it.
      ...(lowPort !== "socket" && needsAddress(options)
        ? ["Wants=network-online.target", "After=network-online.target"]
        : ["After=network.target"]),
    ],
    Service: [
      "Type=notify",
      // A new generation is started by the one that runs, and says itself that it has taken over.
      "NotifyAccess=all",
      `ExecStart=${words([program, "--credentials"])}`,
      ...(reload === undefined ? [] : [`ExecReload=+${words(reload)}`]),
      "Restart=on-failure",
      "RestartSec=2",
      // The server needs its own deadline, and some seconds more for a worker that does not keep it.
      `TimeoutStopSec=${Math.ceil(options.drainSeconds) + 25}`,
      // A worker that the kernel ends for want of memory is replaced by its server.
      "OOMPolicy=continue",
      ...options.credentials.map(([id, file]) => `LoadCredential=${id}:${specifiers(absolutePath(file, "file"))}`),
      `RuntimeDirectory=${name}`,
      "RuntimeDirectoryMode=0700",
      `StateDirectory=${name}`,
      "StateDirectoryMode=0750",
      ...sandbox(options),
    ],
    Install: ["WantedBy=multi-user.target"],
  });
}

/** The text of `NAME.socket`: the listening sockets outlive every server, so a restart keeps clients waiting instead of refusing them. */
export function socketUnit(options: Pick<SystemdOptions, "name" | "prefix" | "listen" | "redirect">): string {
  const addresses = [...options.listen, ...options.redirect];
  return sections({
    Unit: [`Description=Ports of the TLS server of ${specifiers(absolutePath(options.prefix, "prefix"))} (tlsforge)`],
    Socket: [
      ...addresses.map((address) => `ListenStream=${listenAddress(address)}`),
      `FileDescriptorName=${options.name}`,
      ...bindIPv6Only(addresses),
      ...(needsAddress(options) ? ["FreeBind=yes"] : []),
      "Backlog=1024",
      "NoDelay=yes",
    ],
    Install: ["WantedBy=sockets.target"],
  });
}

/**
 * Room for two generations, one of which takes over from the other: each a server, the process that its workers come from, and the workers, of
 * which one more may run while another is replaced. Twice what threads they need: it is to stop what runs away, and nothing else.
 */
function bounds({ workers, workerBytes }: Pick<SystemdOptions, "workers" | "workerBytes">): readonly string[] {
  // How many processors the machine has at the next boot is not known here.
  if (workers === 0) return ["TasksMax=8192", "MemoryMax=80%"];
  const tasks = 2 * 2 * 12 * (workers + 3);
  const megabytes = 2 * Math.ceil((workers + 1) * (workerBytes / 2 ** 20) + 256);
  return [`TasksMax=${tasks}`, `MemoryMax=${megabytes}M`];
}

function sandbox(options: SystemdOptions): readonly string[] {
  const { name, prefix, folders, lowPort } = options;
  const hidden = [prefix, ...folders.map((folder) => absolutePath(folder, "folder"))].filter(isHidden);
  return [
    "DynamicUser=yes",
    // By itself systemd would take the unit's name, and then an account of that name that is there already.
    `User=${name}-run`,
    "UMask=0077",
    ...(lowPort === "ambient"
      ? ["CapabilityBoundingSet=CAP_NET_BIND_SERVICE", "AmbientCapabilities=CAP_NET_BIND_SERVICE"]
      : // In a user namespace of its own the capability would not be the machine's.
        ["CapabilityBoundingSet=", "AmbientCapabilities=", "PrivateUsers=yes"]),
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    `ProtectHome=${hidden.some(isHome) ? "tmpfs" : "yes"}`,
    ...hidden.map((folder) => `BindReadOnlyPaths=${bindPath(folder)}`),
    "PrivateTmp=yes",
    "PrivateDevices=yes",
    "PrivateIPC=yes",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectControlGroups=yes",
    "ProtectClock=yes",
    "ProtectHostname=yes",
    "ProtectProc=invisible",
    "ProcSubset=pid",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "MemoryDenyWriteExecute=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    // Without capset(2), which is privileged too: what the ambient capability is kept for is the next generation, which this process starts.
    "SystemCallFilter=~@privileged @resources @keyring @aio @memlock",
    // By name, as no group of systemd 252 has them: workers take from themselves what they need no more.
    "SystemCallFilter=landlock_create_ruleset landlock_add_rule landlock_restrict_self",
    "SystemCallErrorNumber=EPERM",
    "LimitNOFILE=65536",
    "LimitCORE=0",
    ...bounds(options),
  ];
}

/** Below these the sandbox has folders of its own in place of the machine's. */
function isHidden(path: string): boolean {
  return isHome(path) || /^\/(?:var\/)?tmp(?:\/|$)/.test(path);
}

/** Nothing is there for the service, unless a place for something to be shown has to be made. */
function isHome(path: string): boolean {
  return /^\/(?:home|root|run\/user)(?:\/|$)/.test(path);
}

/** Whether an address has to be one of the machine's, and might not be there yet at boot. */
function needsAddress({ listen, redirect }: Pick<SystemdOptions, "listen" | "redirect">): boolean {
  return [...listen, ...redirect].some((address) => !/^(?:127\.|0\.0\.0\.0:|\[::1?\]:)/.test(address));
}

/**
 * Whether `[::]` is IPv4's too, as when the server binds itself: it is, unless IPv4 is asked for on its own. One answer holds for a whole unit;
 * it means nothing for any other address.
 */
function bindIPv6Only(addresses: readonly string[]): readonly string[] {
  const ports = addresses.flatMap((address) => /^\[::\]:(\d+)$/.exec(address)?.[1] ?? []);
  const apart = ports.filter((port) => addresses.includes(`0.0.0.0:${port}`));
  if (ports.length === 0) return [];
  if (apart.length === 0) return ["BindIPv6Only=both"];
  const alone = ports.find((port) => !apart.includes(port));
  if (alone === undefined) return ["BindIPv6Only=ipv6-only"];
  throw new ForgeError(
    "host-refused",
    `one socket unit cannot have [::]:${alone} for IPv4 too and [::]:${apart[0] ?? ""} not`,
    {
      hint: `add 0.0.0.0:${alone}, or leave 0.0.0.0:${apart[0] ?? ""} out: [::] takes IPv4's clients too`,
    },
  );
}

function listenAddress(address: string): string {
  if (/^(?:\[[0-9A-Fa-f:.]+\]|[0-9.]+):[1-9]\d*$/.test(address)) return address;
  throw new ForgeError("host-refused", `${JSON.stringify(address)} is no address that systemd can listen on`, {
    hint: "use a numeric address and a port; IPv6 stands in brackets",
  });
}

/** Text in which systemd looks for specifiers and nothing else. */
function specifiers(text: string): string {
  return text.replaceAll("%", "%%");
}

/** A command line: quoted where a word needs it, without variables. */
function words(argv: readonly string[]): string {
  return argv.map((word) => quoted(plainText(word, "word")).replaceAll("$", "$$$$")).join(" ");
}

function quoted(text: string): string {
  const escaped = specifiers(text);
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(escaped) ? escaped : `"${escaped.replaceAll('"', '\\"')}"`;
}

/** A path to bind: a colon ends it, and a quote inside of quotes cannot be escaped. */
function bindPath(path: string): string {
  if (/^[^\s"':]+$/.test(path)) return specifiers(path);
  if (!/[":]/.test(path)) return `"${specifiers(path)}"`;
  throw new ForgeError("host-refused", `${JSON.stringify(path)} cannot be shown to a service of systemd`, {
    hint: "use a folder without double quotes and colons, or one that is not below /home, /root or /tmp",
  });
}

function sections(parts: Readonly<Record<string, readonly string[]>>): string {
  return Object.entries(parts)
    .map(([title, lines]) => `[${title}]\n${lines.join("\n")}\n`)
    .join("\n");
}
