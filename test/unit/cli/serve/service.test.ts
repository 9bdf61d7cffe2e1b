import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  accountOf,
  accountResources,
  firewallResources,
  reloadCommand,
  serviceName,
  serviceOf,
  serviceResources,
  tellService,
  type ServiceWork,
} from "../../../../src/cli/serve/service.ts";
import type { ForgeEvent } from "../../../../src/events.ts";
import { memoryHost, type MemoryHost, type MemoryInitial, type ServiceManager } from "../../../../src/host/index.ts";
import { parseSite, type Site } from "../../../../src/recipe/index.ts";

const prefix = "/opt/tlsforge";
const siteOf = (text = ""): Site => parseSite({ text, path: "/etc/tlsforge.yaml" });
const freebsd = { os: "freebsd", arch: "x86_64", libc: "none" } as const;

function booted(more: MemoryInitial = {}): MemoryHost {
  return memoryHost({
    ...more,
    programs: { systemctl: "/usr/bin/systemctl" },
    files: { "/run/systemd/system/x": "", ...more.files },
  });
}

describe("the service of a prefix", () => {
  test("under systemd root's server gets an account from systemd", async () => {
    expect(await serviceOf(booted(), siteOf(), prefix)).toEqual({
      manager: "systemd",
      name: "tlsforge",
      account: null,
      reasons: ["systemd runs this machine"],
      warning: null,
    });
  });

  test("where root has no service manager, or wants none, its server has an account of its own", async () => {
    expect(await serviceOf(memoryHost(), siteOf(), prefix)).toMatchObject({ manager: "none", account: "tlsforge" });
    expect(await serviceOf(booted(), siteOf("host: { service: none }"), "/srv/tls")).toMatchObject({
      manager: "none",
      account: serviceName("/srv/tls"),
    });
    expect(await serviceOf(memoryHost({ platform: freebsd }), siteOf(), prefix)).toMatchObject({
      manager: "rc.d",
      account: "tlsforge",
    });
  });

  test("an ordinary user has neither, also where sudo would go, and the reason is told", async () => {
    const service = await serviceOf(booted({ uid: 1000, privilege: "sudo" }), siteOf(), prefix);
    expect(service).toMatchObject({ manager: "none", account: null });
    expect(service.reasons).toContain("not systemd: only root may add a service to the machine");
  });

  const closed = (folder: string): MemoryHost => booted({ files: { [folder]: { content: null, mode: 0o750 } } });

  test.each(["/root", "/root/a", "/root/a/tls"])(
    "what only root may enter (%s) leaves the server root's",
    async (folder) => {
      const service = await serviceOf(closed(folder), siteOf(), "/root/a/tls");
      expect(service).toMatchObject({ manager: "none", account: null });
      const reason = `the server stays root, in the background: no other user may enter ${folder}`;
      expect(service.reasons.at(-1)).toBe(reason);
      const events: ForgeEvent[] = [];
      tellService({ emit: (event) => void events.push(event) }, service);
      expect(events).toMatchObject([{ type: "warning", message: reason }]);
    },
  );

  test("a closed folder that a link on the way leads through counts as well", async () => {
    const host = booted({ files: { "/home/a": { content: null, mode: 0o700 }, "/home/a/t": { content: null } } });
    const behind: MemoryHost = {
      ...host,
      tree: { ...host.tree, real: (file) => (file === "/srv/t" ? "/home/a/t" : file === "/" ? "/" : null) },
    };
    const told = { account: null, warning: expect.stringContaining("may enter /home/a") as string };
    expect(await serviceOf(behind, siteOf(), "/srv/t")).toMatchObject(told);
    expect(await serviceOf(behind, siteOf(), "/srv/t/new/prefix")).toMatchObject(told);
    const open: string[] = [];
    tellService({ emit: ({ type }) => void open.push(type) }, await serviceOf(host, siteOf(), "/srv/t"));
    expect(open).toEqual([]);
  });

  test("beside the way to the prefix, a closed folder is nothing to it", async () => {
    expect(await serviceOf(closed("/root"), siteOf(), "/rooted/tls")).toMatchObject({ manager: "systemd" });
  });

  test.each<[string, MemoryHost, string]>([
    ["systemd", memoryHost(), "this machine was not booted with it"],
    ["systemd", booted({ uid: 1000, privilege: "sudo" }), "only root may add a service"],
    ["rc.d", booted(), "it is FreeBSD's"],
    ["systemd", closed("/opt"), "no other user may enter /opt"],
  ])("a manager that is asked for (%s) and cannot be had is refused", async (manager, host, reason) => {
    await expect(serviceOf(host, siteOf(`host: { service: ${manager} }`), prefix)).rejects.toMatchObject({
      code: "host-refused",
      message: expect.stringContaining(reason) as string,
      hint: expect.stringMatching(/./) as string,
    });
  });

  test("has the plain name at root's own prefix, else one that only this path gives", () => {
    expect(serviceName(prefix)).toBe("tlsforge");
    expect(serviceName("/srv/tls")).toMatch(/^tlsforge-[0-9a-f]{8}$/);
    expect(serviceName("/srv/tls")).not.toBe(serviceName("/srv/tls2"));
  });
});

const work = (manager: ServiceManager, more: Partial<ServiceWork> = {}): ServiceWork => ({
  site: siteOf("server: { listen: ['[::]:443'], redirect: ['0.0.0.0:80'] }"),
  prefix,
  service: { manager, name: "tlsforge-1a", account: null, reasons: [], warning: null },
  lowPort: { method: "socket", resources: [], interpreter: "/p/python", reasons: [] },
  reload: ["/usr/bin/tlsforge", "reload"],
  ...more,
});

/** The one resource with a text; more or none of them is an error. */
async function only(request: ServiceWork) {
  const [first, ...rest] = await serviceResources(request);
  if (first === undefined || !("text" in first) || rest.length > 0) throw new Error("not one text");
  return first;
}

describe("what a service is made of", () => {
  test("in the background: nothing", async () => {
    expect(await serviceResources(work("none"))).toEqual([]);
  });

  test("systemd: the unit, then the socket unit, which has every address", async () => {
    const resources = await serviceResources(work("systemd"));
    expect(resources).toMatchObject([
      { kind: "unit", id: "unit:tlsforge-1a", name: "tlsforge-1a", enabled: true, demanded: true },
      { kind: "socket", id: "socket:tlsforge-1a", name: "tlsforge-1a", enabled: true, demanded: true },
    ]);
    const [unit, socket] = resources.map((each) => ("text" in each ? each.text : ""));
    expect(unit).toContain("\nExecReload=+/usr/bin/tlsforge reload\n");
    expect(unit).toContain("\nRequires=tlsforge-1a.socket\n");
    expect(socket?.match(/ListenStream=.*/g)).toEqual(["ListenStream=[::]:443", "ListenStream=0.0.0.0:80"]);
  });

  test.each([
    ["ambient", "\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n"],
    ["not-needed", "\nAmbientCapabilities=\n"],
    ["sysctl", "\nAmbientCapabilities=\n"],
  ] as const)("systemd with %s: no socket unit", async (method, line) => {
    const unit = await only(work("systemd", { lowPort: { ...work("systemd").lowPort, method } }));
    expect(unit).toMatchObject({ kind: "unit" });
    expect(unit.text).toContain(line);
    expect(unit.text).not.toContain(".socket");
  });

  const credentials = (text: string): readonly string[] => text.match(/LoadCredential=.*/g) ?? [];
  const folder = `${prefix}/current/credentials`;

  test("keys are handed over by links of fixed names, so that a renewed certificate changes nothing", async () => {
    const { text } = await only(work("systemd", { lowPort: { ...work("systemd").lowPort, method: "ambient" } }));
    expect(credentials(text)).toEqual([
      `LoadCredential=server.json:${folder}/server.json`,
      `LoadCredential=certificate-0.pem:${folder}/certificate-0.pem`,
      `LoadCredential=certificate-0.key:${folder}/certificate-0.key`,
    ]);
  });

  test("of several certificates every pair", async () => {
    const site = siteOf("server: { certificate: { local-ca: true, keys: [ecdsa, rsa] } }");
    const [unit] = await serviceResources(work("systemd", { site }));
    expect(credentials(unit !== undefined && "text" in unit ? unit.text : "").slice(1)).toEqual(
      ["0.pem", "0.key", "1.pem", "1.key"].map(
        (name) => `LoadCredential=certificate-${name}:${folder}/certificate-${name}`,
      ),
    );
  });

  test("a static site's folder is shown to a sandbox that would hide it", async () => {
    const site = siteOf("server: { app: { static: /home/web/site } }");
    const [unit] = await serviceResources(work("systemd", { site }));
    expect(unit).toMatchObject({
      text: expect.stringMatching(/\nBindReadOnlyPaths=\/home\/web\/site\b.*\n/) as string,
    });
  });

  test.each([
    ["the folder of a factory's module", "factory: 'shop.main:site', path: /home/web/shop", "/home/web/shop"],
    ["the folder of a socket behind it", "proxy: 'unix:/home/web/run/app.sock'", "/home/web/run"],
  ])("%s is shown too", async (_what, app, folder) => {
    const [unit] = await serviceResources(work("systemd", { site: siteOf(`server: { app: { ${app} } }`) }));
    expect(unit).toMatchObject({ text: expect.stringContaining(`\nBindReadOnlyPaths=${folder}\n`) as string });
  });

  test("a socket right in a folder that the service has its own of is refused", async () => {
    const site = siteOf("server: { app: { proxy: 'unix:/tmp/app.sock' } }");
    await expect(serviceResources(work("systemd", { site }))).rejects.toMatchObject({
      code: "host-refused",
      hint: expect.stringContaining("below /run") as string,
    });
  });

  test("parameters of Diffie-Hellman are handed over, and workers bound the service", async () => {
    const site = siteOf(
      "server: { dhe: { generate: 2048 }, certificate: { local-ca: true, keys: [rsa] }, workers: 1, limits: { worker-bytes: 268435456 } }",
    );
    const [unit] = await serviceResources(work("systemd", { site }));
    const text = unit !== undefined && "text" in unit ? unit.text : "";
    expect(credentials(text).at(-1)).toBe(`LoadCredential=dh.pem:${folder}/dh.pem`);
    expect(text).toContain("\nMemoryMax=1536M\n");
    expect(text).toContain("\nStateDirectory=tlsforge-1a\n");
  });

  test("OpenRC: one script, by its name", async () => {
    const script = await only(work("openrc"));
    expect(script).toMatchObject({
      kind: "rc-script",
      system: "openrc",
      id: "rc-script:tlsforge-1a",
      name: "tlsforge-1a",
      path: "/etc/init.d/tlsforge-1a",
      settings: {},
      enabled: true,
    });
    expect(script.text).toMatch(/^#!\/sbin\/openrc-run\n/);
    expect(script.text).toContain(`${prefix}/current/bin/tlsforge-server`);
    expect(script.text).toContain(`${prefix}/current/server.json`);
  });

  test("FreeBSD: a name that can be a shell's variable, and the setting that starts it at boot", async () => {
    const script = await only(work("rc.d"));
    expect(script).toMatchObject({
      kind: "rc-script",
      system: "rc.d",
      id: "rc-script:tlsforge_1a",
      name: "tlsforge_1a",
      path: "/usr/local/etc/rc.d/tlsforge_1a",
      settings: { tlsforge_1a_enable: "YES" },
    });
    expect(script.text).toContain("\nrcvar=tlsforge_1a_enable\n");
  });

  test.each(["systemd", "openrc", "rc.d"] as const)(
    "%s: no reload where this program's path is not known",
    async (manager) => {
      const [first] = await serviceResources(work(manager, { reload: null }));
      expect(first !== undefined && "text" in first ? first.text : "").not.toMatch(/ExecReload|forge_reload/);
    },
  );

  test("who asked for it is told", async () => {
    expect((await only(work("openrc"))).origin).toBe("default: host.service is auto");
    const site = siteOf("host: { service: openrc }");
    expect((await only(work("openrc", { site }))).origin).toBe("site file: host.service is openrc");
  });
});

describe("the account", () => {
  const service = (account: string | null) => ({ ...work("none").service, account });

  test("a group, then its user without a home; nothing where none is needed", () => {
    expect(accountResources(service(null))).toEqual([]);
    expect(accountResources(service("tlsforge"))).toMatchObject([
      { kind: "group", id: "group:tlsforge", name: "tlsforge", demanded: true },
      { kind: "user", id: "user:tlsforge", name: "tlsforge", group: "tlsforge", home: "/nonexistent", demanded: true },
    ]);
  });

  test("is read from the machine by its whole name", async () => {
    const passwd = "root:x:0:0::/root:/bin/sh\ntlsforge-a:x:7:8::/:/bin/false\ntlsforge:x:998:997::/:/bin/false\n";
    const host = memoryHost({ files: { "/etc/passwd": passwd } });
    expect(await accountOf(host, service("tlsforge"), "applied")).toEqual({ name: "tlsforge", uid: 998, gid: 997 });
    expect(await accountOf(host, service("tlsforge-b"), "planned")).toBeNull();
    expect(await accountOf(host, service(null), "applied")).toBeNull();
    expect(await accountOf(memoryHost(), service("tlsforge"), "planned")).toBeNull();
  });

  test("is a directory service's too, so that the server does not stay root for the lack of a line in a file", async () => {
    const line = "tlsforge:*:997:996::/nonexistent:/usr/sbin/nologin\n";
    const host = memoryHost({
      programs: { getent: "/usr/bin/getent" },
      answers: { "getent passwd tlsforge": { stdout: line } },
    });
    expect(await accountOf(host, service("tlsforge"), "applied")).toEqual({ name: "tlsforge", uid: 997, gid: 996 });
  });

  test("that is not there once everything is applied is refused", async () => {
    await expect(accountOf(memoryHost(), service("tlsforge"), "applied")).rejects.toMatchObject({
      code: "host-refused",
      message: "there is no account tlsforge, which the server is to run as",
    });
  });
});

test("a firewall is asked about each port once, and about none that only this machine reaches", () => {
  const ports = (listen: readonly string[], redirect: readonly string[] = []) =>
    firewallResources(siteOf(`server: { listen: ${JSON.stringify(listen)}, redirect: ${JSON.stringify(redirect)} }`));
  expect(ports(["0.0.0.0:443", "[2001:db8::1]:443"], ["[::]:80"])).toMatchObject([
    { kind: "firewall", ports: [443, 80] },
  ]);
  expect(ports(["127.0.0.1:8443", "[::1]:8443"], ["127.9.9.9:8080"])).toEqual([]);
  expect(ports(["127.0.0.1:8443", "192.0.2.127:443"])).toMatchObject([{ ports: [443] }]);
});

describe("a service manager's reload", () => {
  const global = {
    json: false,
    yes: false,
    jobs: 1,
    wait: false,
    quiet: false,
    verbose: false,
    colour: false,
    exposed: false,
  };
  const safe = {
    executable: "/usr/bin/tlsforge",
    helper: ["/usr/bin/node", "/usr/lib/tlsforge/dist/helper.js"],
    code: "/usr/lib/tlsforge/dist",
    recipes: "/usr/lib/tlsforge/recipes",
  };
  const reload = (more: Partial<typeof safe> = {}, config: string | null = null) =>
    reloadCommand({ ...safe, ...more, options: { ...global, prefix: "/p", config } });

  test("is called by absolute path, with the prefix, the recipes and the site file", () => {
    const command = ["/usr/bin/tlsforge", "reload", "--prefix", "/p", "--recipes", safe.recipes];
    expect(reload()).toEqual({ command, reason: null });
    expect(reload({}, "/etc/t.yaml").command?.slice(-2)).toEqual(["--config", "/etc/t.yaml"]);
    expect(reload({ executable: "tlsforge" })).toEqual({
      command: null,
      reason: "the service manager cannot reload it: where tlsforge lies is not known",
    });
  });

  test.each(["executable", "helper", "code", "recipes", "config"])(
    "is left out when others may change its %s",
    async (part) => {
      const folder = await mkdtemp(join(tmpdir(), "tlsforge-hands-"));
      onTestFinished(() => rm(folder, { recursive: true, force: true }));
      await chmod(folder, 0o777);
      const file = join(folder, "x");
      const made = part === "config" ? reload({}, file) : reload({ [part]: part === "helper" ? [file] : file });
      expect(made.command).toBeNull();
      expect(made.reason).toContain(`${file} can be changed by others than root`);
    },
  );
});
