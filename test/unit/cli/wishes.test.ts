import { describe, expect, test } from "vitest";
import { hostWishes, runnerOf } from "../../../src/cli/machine/host-changes.ts";
import { memoryHost, type MemoryHost, type MemoryInitial } from "../../../src/host/index.ts";
import { parseSite } from "../../../src/recipe/index.ts";

const prefix = "/opt/tlsforge";
const outputs = {
  openssl: `${prefix}/store/a-openssl-3`,
  purpose: "service" as const,
  pythonTls: `${prefix}/store/b-python-tls-1`,
};
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
const context = {
  executable: "/usr/bin/tlsforge",
  helper: ["/usr/bin/node"],
  code: "/usr/lib/tlsforge",
  recipes: "/usr/lib/tlsforge/recipes",
  options: { ...global, prefix, config: null },
};
const low = "server: { listen: ['0.0.0.0:443'] }\n";

async function wishes(host: MemoryHost, text: string, more: Partial<typeof context> = {}) {
  const site = parseSite({ text, path: "/etc/tlsforge.yaml" });
  return hostWishes({ ...context, ...more }, { site, host, outputs });
}

const ids = async (host: MemoryHost, text: string): Promise<readonly string[]> =>
  (await wishes(host, text)).resources.map(({ id }) => id);

const start = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
const capabilities = { "/proc/self/status": "CapBnd:\t000001ffffffffff\n" };

function machine(more: MemoryInitial = {}): MemoryHost {
  return memoryHost({ ...more, files: { [start]: "1024\n", ...capabilities, ...more.files } });
}

const systemd = (more: MemoryInitial = {}): MemoryHost =>
  machine({
    ...more,
    programs: { systemctl: "/usr/bin/systemctl" },
    files: { "/run/systemd/system/x": "", ...more.files },
  });

describe("what a generation asks of the machine, in the order in which it is made", () => {
  test("root under systemd: loader, units, firewall", async () => {
    expect(await ids(systemd(), low)).toEqual([
      "loader-path:tlsforge",
      "unit:tlsforge",
      "socket:tlsforge",
      "firewall:ports",
    ]);
  });

  test("root without a service manager: the account comes before all that may be for it", async () => {
    expect(await ids(machine(), low)).toEqual([
      "group:tlsforge",
      "user:tlsforge",
      "loader-path:tlsforge",
      "firewall:ports",
    ]);
  });

  test("a low port that is asked for in another way comes before the service that needs it", async () => {
    const all = await ids(systemd(), `${low}host: { low-port: sysctl }\n`);
    expect(all.map((id) => id.split(":")[0])).toEqual(["loader-path", "sysctl", "unit", "firewall"]);
  });

  test("nothing of the loader where the site file says so, and on a Mac", async () => {
    expect(await ids(systemd(), "host: { loader-path: false }\n")).toEqual(["unit:tlsforge", "socket:tlsforge"]);
    const mac = memoryHost({ platform: { os: "darwin", arch: "aarch64", libc: "none" }, uid: 501, privilege: "none" });
    expect(await ids(mac, "")).toEqual([]);
  });

  test("the loader entry is demanded only when the site file demands it", async () => {
    const loader = async (text: string) =>
      (await wishes(systemd(), text)).resources.find(({ kind }) => kind === "loader-path");
    expect(await loader("")).toMatchObject({
      demanded: false,
      origin: "default: host.loader-path is auto",
      library: `${outputs.openssl}/lib`,
    });
    expect(await loader("host: { loader-path: true }\n")).toMatchObject({
      demanded: true,
      origin: "site file: host.loader-path is true",
    });
  });

  test("the redirect's port counts among the low ones", async () => {
    const host = machine({ uid: 1000, privilege: "sudo" });
    expect((await wishes(host, "server: { listen: ['127.0.0.1:8443'] }\n")).lowPort.method).toBe("not-needed");
    const both = "server: { listen: ['127.0.0.1:8443'], redirect: ['127.0.0.1:80'] }\n";
    expect((await wishes(host, both)).lowPort.method).not.toBe("not-needed");
  });
});

test("a service that cannot be reloaded says why; without one there is nothing to say", async () => {
  const lost = "the service manager cannot reload it: where tlsforge lies is not known";
  const { service, resources } = await wishes(systemd(), low, { executable: "tlsforge" });
  expect(service.reasons).toContain(lost);
  expect(resources.find(({ kind }) => kind === "unit")).toMatchObject({
    text: expect.not.stringContaining("ExecReload") as string,
  });
  expect((await wishes(systemd(), low)).service.reasons).toEqual(["systemd runs this machine"]);
  expect((await wishes(machine(), low, { executable: "tlsforge" })).service.reasons).not.toContain(lost);
});

describe("who runs the server", () => {
  test("systemd, with the interpreter of the generation and an account that systemd makes", async () => {
    const host = systemd();
    const runner = await runnerOf(host, await wishes(host, low));
    expect(runner).toMatchObject({ interpreter: `${outputs.pythonTls}/bin/python`, user: null });
    expect(runner.supervisor).toMatchObject({ manager: "systemd", name: "tlsforge" });
  });

  test("ourselves, as the account once it is there", async () => {
    const host = machine();
    const made = await wishes(host, low);
    expect(await runnerOf(host, made, "planned")).toMatchObject({ supervisor: null, user: null });
    await expect(runnerOf(host, made)).rejects.toMatchObject({ code: "host-refused" });
    host.files.set("/etc/passwd", { content: "tlsforge:x:998:997::/nonexistent:/usr/sbin/nologin\n" });
    expect(await runnerOf(host, made)).toMatchObject({
      supervisor: null,
      user: { name: "tlsforge", uid: 998, gid: 997 },
    });
  });

  test("the private copy of the interpreter where a file capability is the way", async () => {
    const host = machine({
      uid: 1000,
      privilege: "sudo",
      programs: { setcap: "/sbin/setcap", getcap: "/sbin/getcap" },
    });
    const runner = await runnerOf(host, await wishes(host, `${low}host: { low-port: file-capability }\n`));
    expect(runner.interpreter).toBe(`${prefix}/var/low-port/bin/python3`);
  });
});
