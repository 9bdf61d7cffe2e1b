/** Runs inside the sandbox: changes the machine for real, and reports what then is as JSON. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { applyHost, detectPlatform, nodeHost, planHost, quickCheckHost, undoHost } from "../../../src/host/index.ts";
import type { HostRecord, Resource } from "../../../src/host/index.ts";

const ignore = { emit: (): void => undefined };
const host = nodeHost({
  platform: detectPlatform({ os: process.platform, arch: process.arch }),
  environment: process.env,
  uid: process.getuid?.() ?? -1,
  emit: () => undefined,
  interactive: false,
  allowSudo: true,
  helper: [process.execPath, join(import.meta.dirname, "../../../src/host/root-helper.ts")],
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
    // Others may be at it at the same time.
    const left = readdirSync("/tmp").filter((name) => {
      const [, shell] = /^tlsforge-loader\.(\d+)\./.exec(name) ?? [];
      return shell !== undefined && !existsSync(`/proc/${shell}`);
    });
    return { plans, left, untouched: JSON.stringify(loaderState()) === JSON.stringify(before) };
  },

  /** musl beside this machine's own C library, with its list as it is where no distribution writes one. */
  async musl() {
    const list = "/etc/ld-musl-x86_64.path";
    run("apt-get", "install", "-y", "--no-install-recommends", "musl-tools");
    rmSync(list, { force: true });
    mkdirSync(library, { recursive: true });
    mkdirSync("/usr/local/lib", { recursive: true });
    const libraries = [`${library}/libours-tlsforge.so.1`, "/usr/local/lib/libtheirs.so.1"];
    for (const [index, path] of libraries.entries()) {
      writeFileSync("/tmp/x.c", `int f${index}(void) { return 0; }\n`);
      run("musl-gcc", "-shared", "-fPIC", `-Wl,-soname,${basename(path)}`, "-o", path, "/tmp/x.c");
    }
    writeFileSync("/tmp/p.c", "int f0(void), f1(void);\nint main(void) { return f0() + f1(); }\n");
    run("musl-gcc", "-o", "/usr/local/bin/both", "/tmp/p.c", ...libraries);
    writeFileSync("/tmp/p.c", "int f1(void);\nint main(void) { return f1(); }\n");
    run("musl-gcc", "-o", "/usr/local/bin/theirs", "/tmp/p.c", ...libraries.slice(1));
    const starts = (): readonly boolean[] =>
      ["both", "theirs"].map((name) => spawnSync(`/usr/local/bin/${name}`).status === 0);
    const alpine = { ...host, platform: { os: "linux", arch: "x86_64", libc: "musl" } } as const;
    const before = starts();
    const plans = await planHost(alpine, [loader]);
    const records = await applyHost(alpine, plans, ignore);
    const during = { starts: starts(), text: readFileSync(list, "utf8") };
    const standing = await undoHost(alpine, records, ignore);
    return { action: plans[0]?.action, before, during, standing, after: starts(), left: existsSync(list) };
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

  /** Root makes ordinary users, who then look (`refused`) or change (`user`): without sudo, without a right to it, with a password, with none. */
  sudo() {
    const made = (...argv: readonly string[]): void => {
      const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
      const run = spawnSync(argv[0] ?? "", argv.slice(1), { env, encoding: "utf8" });
      if (run.status !== 0) throw new Error(`${argv.join(" ")}: ${run.stderr}`);
    };
    for (const user of ["smith", "jones", "brown"]) made("useradd", "-m", user);
    mkdirSync(library, { recursive: true });
    const without = as("smith", "refused");
    made("apt-get", "install", "-y", "--no-install-recommends", "sudo");
    made("sh", "-c", "echo jones:secret | chpasswd");
    const rules = "Defaults logfile=/var/log/sudo.log\nsmith ALL=(ALL) NOPASSWD: ALL\njones ALL=(ALL) ALL\n";
    writeFileSync("/etc/sudoers.d/tlsforge", rules);
    const [stranger, password] = [as("brown", "refused"), as("jones", "refused")];
    rmSync("/var/log/sudo.log", { force: true });
    const free = as("smith", "user");
    const calls = [
      ...readFileSync("/var/log/sudo.log", "utf8")
        .replaceAll("\n    ", " ")
        .matchAll(/COMMAND=(\S+)/g),
    ];
    return Promise.resolve({ without, stranger, password, free, calls: calls.map(([, path = ""]) => basename(path)) });
  },

  async refused() {
    const [plan] = await planHost(host, [loader]);
    if (plan === undefined) throw new Error("no plan");
    const refusal: unknown = await applyHost(host, [plan], ignore).catch((error: unknown) => error);
    const message = refusal instanceof Error ? refusal.message : "not refused";
    return { action: plan.action, reason: plan.reason, message, left: existsSync(entry) };
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

/** What a scenario reports when an ordinary user runs it, without a terminal. */
function as(user: string, scenario: "refused" | "user"): unknown {
  const id = (flag: string): number => Number(spawnSync("id", [flag, user], { encoding: "utf8" }).stdout);
  const run = spawnSync("setsid", ["-w", process.execPath, import.meta.filename, scenario], {
    uid: id("-u"),
    gid: id("-g"),
    encoding: "utf8",
    env: { PATH: "/usr/bin:/bin", HOME: `/home/${user}` },
  });
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout);
}

function run(program: string, ...argv: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const ran = spawnSync(program, argv, { encoding: "utf8", env });
  if (ran.status !== 0) throw new Error(`${program}: ${ran.stderr}`);
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
