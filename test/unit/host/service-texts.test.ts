import { describe, expect, test } from "vitest";
import { ForgeError } from "../../../src/errors.ts";
import { openrcScript, rcName, rcdScript, serviceUnit, socketUnit } from "../../../src/host/index.ts";
import type { SystemdOptions } from "../../../src/host/index.ts";

const options: SystemdOptions = {
  name: "tlsforge",
  prefix: "/opt/tlsforge",
  listen: ["[::]:443"],
  redirect: ["[::]:80"],
  credentials: [
    ["server.json", "/opt/tlsforge/var/server.json"],
    ["certificate-0.pem", "/etc/tls/a.pem"],
    ["certificate-0.key", "/etc/tls/a.key"],
  ],
  workers: 0,
  workerBytes: 512 << 20,
  drainSeconds: 5,
  lowPort: "socket",
  folders: [],
};
const unit = (more: Partial<SystemdOptions> = {}): readonly string[] =>
  serviceUnit({ ...options, ...more }).split("\n");
const socket = (more: Partial<SystemdOptions> = {}): readonly string[] =>
  socketUnit({ ...options, ...more }).split("\n");
const messageOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof ForgeError && error.code === "host-refused" && error.hint !== undefined) return error.message;
    throw error;
  }
  throw new Error("it was not refused");
};

describe("the units", () => {
  test("as they are for sockets that systemd holds", () => {
    expect(serviceUnit(options)).toMatchSnapshot("service");
    expect(socketUnit(options)).toMatchSnapshot("socket");
  });

  test("with the ambient capability instead: that one, and no user namespace, in which it would be another's", () => {
    const [held, ambient] = [unit(), unit({ lowPort: "ambient" })];
    expect(ambient.filter((line) => !held.includes(line))).toEqual([
      "CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
      "AmbientCapabilities=CAP_NET_BIND_SERVICE",
    ]);
    expect(held.filter((line) => !ambient.includes(line))).toEqual([
      "Requires=tlsforge.socket",
      "After=tlsforge.socket",
      "CapabilityBoundingSet=",
      "AmbientCapabilities=",
      "PrivateUsers=yes",
    ]);
  });

  test("credentials are handed over by their names", () => {
    expect(unit().filter((line) => line.startsWith("LoadCredential="))).toEqual([
      "LoadCredential=server.json:/opt/tlsforge/var/server.json",
      "LoadCredential=certificate-0.pem:/etc/tls/a.pem",
      "LoadCredential=certificate-0.key:/etc/tls/a.key",
    ]);
  });

  test("memory and processes are bounded by what the workers of two generations need, or by the machine's", () => {
    const bounds = (more: Partial<SystemdOptions>): readonly string[] =>
      unit(more).filter((line) => /^(?:TasksMax|MemoryMax)=/.test(line));
    expect(bounds({ workers: 2 })).toEqual(["TasksMax=240", "MemoryMax=3584M"]);
    expect(bounds({ workers: 1, workerBytes: 128 << 20 })).toEqual(["TasksMax=192", "MemoryMax=1024M"]);
    expect(bounds({ workers: 0 })).toEqual(["TasksMax=8192", "MemoryMax=80%"]);
  });

  test("systemd waits longer for a stop than the server does for its connections", () => {
    const wait = (drainSeconds: number) => unit({ drainSeconds }).find((line) => line.startsWith("TimeoutStopSec="));
    expect([wait(5), wait(0.5), wait(60)]).toEqual(["TimeoutStopSec=30", "TimeoutStopSec=26", "TimeoutStopSec=85"]);
  });

  test("an address of the machine's is waited for, or bound before it is there", () => {
    const listen = ["192.0.2.1:443", "[2001:db8::1]:443"];
    expect(unit({ listen, lowPort: "ambient" })).toContain("After=network-online.target");
    expect(unit({ listen })).not.toContain("After=network-online.target");
    expect(socket({ listen })).toEqual(expect.arrayContaining(["FreeBind=yes", "ListenStream=[2001:db8::1]:443"]));
    for (const address of ["127.0.0.1:443", "0.0.0.0:443", "[::1]:443", "[::]:443"]) {
      expect(unit({ listen: [address], lowPort: "ambient" })).not.toContain("After=network-online.target");
      expect(socket({ listen: [address] })).not.toContain("FreeBind=yes");
    }
  });

  test("[::] is IPv4's too unless IPv4 is asked for on its own", () => {
    expect(socket()).toContain("BindIPv6Only=both");
    expect(socket({ redirect: [], listen: ["[::]:443", "0.0.0.0:443"] })).toContain("BindIPv6Only=ipv6-only");
    expect(socket({ redirect: [], listen: ["0.0.0.0:443"] }).join()).not.toContain("BindIPv6Only");
    expect(messageOf(() => socket({ listen: ["[::]:443", "0.0.0.0:443"] }))).toBe(
      "one socket unit cannot have [::]:80 for IPv4 too and [::]:443 not",
    );
  });

  test("what the sandbox hides is shown where it is needed", () => {
    expect(unit({ folders: ["/srv/www"] })).toContain("ProtectHome=yes");
    expect(unit({ folders: ["/srv/www"] }).join()).not.toContain("BindReadOnlyPaths");
    const home = unit({ prefix: "/root/forge", folders: ["/home/web/my site 100%", "/tmp/x"] });
    expect(home).toContain("ProtectHome=tmpfs");
    expect(home.filter((line) => line.startsWith("BindReadOnlyPaths="))).toEqual([
      "BindReadOnlyPaths=/root/forge",
      'BindReadOnlyPaths="/home/web/my site 100%%"',
      "BindReadOnlyPaths=/tmp/x",
    ]);
    expect(unit({ folders: ["/homes/x", "/rooted"] }).join()).not.toContain("BindReadOnlyPaths");
  });

  test("specifiers, variables, quotes and blanks are text", () => {
    const lines = unit({ prefix: "/srv/a %n b", reload: ["/usr/bin/node", 'say "$HOME" 100%', "plain"] });
    expect(lines).toEqual(
      expect.arrayContaining([
        "Description=TLS server of /srv/a %%n b (tlsforge)",
        "Documentation=file:/srv/a%%20%%25n%%20b/current/manifest.json",
        'ExecStart="/srv/a %%n b/current/bin/tlsforge-server" --credentials',
        String.raw`ExecReload=+/usr/bin/node "say \"$$HOME\" 100%%" plain`,
      ]),
    );
  });

  test.each<[string, Partial<SystemdOptions>]>([
    ["a line end in the prefix", { prefix: "/opt/x\nExecStart=/bin/sh" }],
    ["a line end in a certificate", { credentials: [["a", "/a\n"]] }],
    ["a backslash", { credentials: [["a", "/a\\"]] }],
    ["a relative prefix", { prefix: "opt" }],
    ["a relative folder", { folders: ["www"] }],
    ["a quote in a folder below /home", { folders: ['/home/a"b'] }],
    ["a colon in a folder below /home", { folders: ["/home/a:b"] }],
    ["an escape in what reload runs", { reload: ["/bin/a", "\u001b"] }],
  ])("refused: %s", (_name, more) => {
    expect(messageOf(() => serviceUnit({ ...options, ...more }))).not.toBe("");
  });

  test.each(["localhost:443", "443", "[::1]", "/run/x.sock", "1.2.3.4:0", "1.2.3.4:80\nExecStartPre=/bin/sh"])(
    "refused as an address: %j",
    (address) => {
      expect(messageOf(() => socket({ listen: [address] }))).toContain("no address that systemd can listen on");
    },
  );
});

describe("the start scripts", () => {
  const script = { name: "tlsforge-0a1b2c3d", prefix: "/opt/it's", config: "/opt/it's/var/server.json" };

  test("for OpenRC", () => {
    expect(openrcScript({ ...script, reload: ["/usr/bin/node", "a b"] })).toMatchSnapshot();
    expect(openrcScript(script)).not.toContain("reload");
  });

  test("for FreeBSD", () => {
    expect(rcName(script.name)).toBe("tlsforge_0a1b2c3d");
    expect(rcdScript(script)).toMatchSnapshot();
    expect(rcdScript({ ...script, reload: ["/bin/a"] })).toContain("extra_commands=reload");
  });

  test.each(["/opt/a\nb", "relative", "/opt/a\\b"])("refused as a prefix: %j", (prefix) => {
    expect(messageOf(() => openrcScript({ ...script, prefix }))).toContain(JSON.stringify(prefix));
    expect(messageOf(() => rcdScript({ ...script, prefix }))).toContain(JSON.stringify(prefix));
  });
});
