/** Runs inside the sandbox: changes the machine for real, and reports what then is as JSON. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { applyHost, detectPlatform, nodeHost, planHost, quickCheckHost, undoHost } from "../../../src/host/index.ts";
import type { HostRecord, Resource } from "../../../src/host/index.ts";

const ignore = (): void => undefined;
const host = nodeHost({
  platform: detectPlatform({ os: process.platform, arch: process.arch }),
  environment: process.env,
  uid: process.getuid?.() ?? -1,
  emit: ignore,
  interactive: false,
  allowSudo: true,
});

const library = "/opt/tlsforge-test/store/0123456789abcdef-openssl-3.5.7/lib";
const entry = "/etc/ld.so.conf.d/tlsforge-9838cba7.conf";
const loader: Resource = {
  kind: "loader-path",
  id: "loader-path:tlsforge",
  origin: "test",
  library,
  name: "tlsforge",
  demanded: true,
};
const key = "net.ipv4.ip_unprivileged_port_start";
const sysctl: Resource = {
  kind: "sysctl",
  id: `sysctl:${key}`,
  origin: "test",
  key,
  value: "443",
  file: "/etc/sysctl.d/50-tlsforge.conf",
  demanded: true,
};
const environment = "/opt/tlsforge-test/venv";
const copy = "/opt/tlsforge-test/low-port/bin/python3";
const capability: Resource = {
  kind: "capability",
  id: "capability:interpreter",
  origin: "test",
  source: `${environment}/bin/python3`,
  copy,
  capability: "cap_net_bind_service",
  demanded: true,
  group: "nogroup",
};

const scenarios = {
  async loader() {
    compileLibrary();
    const before = loaderState();
    const first = await change(loader);
    const during = loaderState();
    const again = (await planHost(host, [loader]))[0]?.action;
    const quick = await quickCheckHost(host, first.records);
    const standing = await undoHost(host, first.records, ignore);
    return {
      plan: first.action,
      listed: during.cache.filter((line) => !before.cache.includes(line)),
      lost: before.cache.filter((line) => !during.cache.includes(line)),
      again,
      quick,
      standing,
      restored: JSON.stringify(loaderState()) === JSON.stringify(before),
    };
  },

  async clash() {
    mkdirSync(library, { recursive: true });
    const path = loaderState().cache.flatMap((line) => /libc\.so\.6 .* => (\S+)$/.exec(line)?.[1] ?? [])[0] ?? "";
    spawnSync("cp", ["-L", path, `${library}/libc.so.6`]);
    const before = loaderState();
    const plans = (await planHost(host, [loader])).map(({ action, reason }) => ({ action, reason }));
    const left = readdirSync("/tmp").filter((name) => name.startsWith("tlsforge-loader"));
    return { plans, left, untouched: JSON.stringify(loaderState()) === JSON.stringify(before) };
  },

  async sysctl() {
    const bind = (): boolean => bindAs("/usr/bin/python3", { uid: 65534, gid: 65534, port: 443 }).bound;
    const before = bind();
    const { action, records } = await change(sysctl);
    const during = { bound: bind(), below: bindAs("/usr/bin/python3", { uid: 65534, gid: 65534, port: 442 }).bound };
    const file = readFileSync("/etc/sysctl.d/50-tlsforge.conf", "utf8");
    const again = (await planHost(host, [sysctl]))[0]?.action;
    const quick = await quickCheckHost(host, records);
    const standing = await undoHost(host, records, ignore);
    return {
      action,
      before,
      during,
      file,
      again,
      quick,
      standing,
      after: bind(),
      left: existsSync("/etc/sysctl.d/50-tlsforge.conf"),
    };
  },

  async capability() {
    const made = spawnSync("/usr/bin/python3", ["-m", "venv", "--without-pip", environment], { encoding: "utf8" });
    if (made.status !== 0) throw new Error(made.stderr);
    const packages = readdirSync(`${environment}/lib`)[0] ?? "";
    writeFileSync(`${environment}/lib/${packages}/site-packages/tlsforge_mark.py`, "");
    const { action, records } = await change(capability);
    const member = bindAs(copy, { uid: 65534, gid: 65534, port: 443, imports: "tlsforge_mark" });
    const stranger = bindAs(copy, { uid: 1, gid: 1, port: 443 });
    const shared = bindAs("/usr/bin/python3", { uid: 65534, gid: 65534, port: 443 });
    const again = (await planHost(host, [capability]))[0]?.action;
    const quick = await quickCheckHost(host, records);
    const standing = await undoHost(host, records, ignore);
    return {
      action,
      facts: records[0]?.after,
      member,
      stranger,
      shared,
      again,
      quick,
      standing,
      left: existsSync("/opt/tlsforge-test/low-port"),
    };
  },

  /** On a root whose package lists were thrown away. */
  async packages() {
    rmSync("/var/lib/apt/lists", { recursive: true });
    mkdirSync("/var/lib/apt/lists/partial", { recursive: true });
    const before = installed();
    const resource: Resource = {
      kind: "package",
      id: "package:requirements",
      origin: "test",
      names: ["patch>=99|make>=4", "patch", "tar"],
      why: "test",
    };
    const plan = (await planHost(host, [resource]))[0];
    const { records } = await change(resource);
    const added = installed().filter((name) => !before.includes(name));
    const again = (await planHost(host, [resource]))[0]?.action;
    const quick = await quickCheckHost(host, records);
    const standing = await undoHost(host, records, ignore);
    return {
      action: plan?.action,
      current: plan?.current,
      added,
      again,
      quick,
      standing,
      restored: installed().join() === before.join(),
    };
  },

  /** Root makes an ordinary user who may use sudo without a password; that user then goes through `user`. */
  sudo() {
    const steps = [
      ["apt-get", "install", "-y", "--no-install-recommends", "sudo"],
      ["useradd", "-m", "smith"],
    ];
    for (const [program = "", ...argv] of steps)
      spawnSync(program, argv, { env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } });
    writeFileSync("/etc/sudoers.d/smith", "smith ALL=(ALL) NOPASSWD: ALL\n");
    mkdirSync(library, { recursive: true });
    const user = spawnSync(process.execPath, [import.meta.filename, "user"], {
      uid: 1000,
      gid: 1000,
      encoding: "utf8",
      env: { PATH: "/usr/bin:/bin", HOME: "/home/smith" },
    });
    if (user.status !== 0) throw new Error(user.stderr);
    return Promise.resolve(JSON.parse(user.stdout) as unknown);
  },

  async user() {
    const patch: Resource = {
      kind: "package",
      id: "package:requirements",
      origin: "test",
      names: ["patch"],
      why: "test",
    };
    const first = await change(patch);
    const second = await change(loader);
    const text = readFileSync(entry, "utf8");
    const made = {
      patch: installed().includes("patch"),
      library: text.split("\n")[1],
      owner: statSync(entry).uid,
    };
    const standing = await undoHost(host, [...first.records, ...second.records], ignore);
    return {
      uid: host.uid,
      privilege: host.privilege,
      made,
      standing,
      left: installed().includes("patch") || existsSync(entry),
    };
  },
} satisfies Record<string, () => Promise<unknown>>;

/** What can be run in a sandbox. */
export type Scenario = keyof typeof scenarios;

async function change(resource: Resource): Promise<{ action: string | undefined; records: readonly HostRecord[] }> {
  const plans = await planHost(host, [resource]);
  return { action: plans[0]?.action, records: await applyHost(host, plans, ignore) };
}

function compileLibrary(): void {
  mkdirSync(library, { recursive: true });
  writeFileSync("/opt/tlsforge-test/x.c", "int tlsforge_test(void) { return 7; }\n");
  const name = "libtest-tlsforge.so.1";
  const built = spawnSync(
    "cc",
    ["-shared", "-fPIC", `-Wl,-soname,${name}`, "-o", `${library}/${name}`, "/opt/tlsforge-test/x.c"],
    { encoding: "utf8" },
  );
  if (built.status !== 0) throw new Error(built.stderr);
}

function loaderState(): { cache: string[]; files: string[] } {
  return {
    cache: spawnSync("ldconfig", ["-p"], { encoding: "utf8" }).stdout.split("\n").slice(1),
    files: readdirSync("/etc/ld.so.conf.d"),
  };
}

function bindAs(
  interpreter: string,
  who: { uid: number; gid: number; port: number; imports?: string },
): { bound: boolean; detail: string } {
  const program = `import socket, ${who.imports ?? "sys"}\ns = socket.socket()\ns.bind(("127.0.0.1", ${who.port}))`;
  const run = spawnSync(interpreter, ["-c", program], { uid: who.uid, gid: who.gid, encoding: "utf8", cwd: "/" });
  const detail = run.error === undefined ? (run.stderr.trim().split("\n").at(-1) ?? "") : run.error.message;
  return { bound: run.status === 0, detail };
}

function installed(): string[] {
  const { stdout } = spawnSync("dpkg-query", ["-W", "-f", "${Package} ${db:Status-Status}\\n"], { encoding: "utf8" });
  return stdout
    .split("\n")
    .filter((line) => line.endsWith(" installed"))
    .map((line) => line.split(" ")[0] ?? "");
}

const wanted = process.argv[2] ?? "";
if (!Object.hasOwn(scenarios, wanted)) throw new Error(`no scenario ${wanted}`);
process.stdout.write(JSON.stringify(await scenarios[wanted as Scenario]()));
