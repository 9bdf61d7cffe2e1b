/** The units under a real systemd, which is process 1 of a root of its own. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { serviceUnit, socketUnit, type SystemdOptions } from "../../../src/host/index.ts";
import { describeWith } from "../../tools/needs.ts";

const run = promisify(execFile);
const bootroot = join(import.meta.dirname, "../../tools/bootroot");

const options: SystemdOptions = {
  name: "tlsforge",
  prefix: "/opt/tlsforge",
  listen: ["[::]:443", "192.0.2.1:8443"],
  redirect: ["[::]:80"],
  credentials: [
    ["server.json", "/opt/tlsforge/var/server.json"],
    ["certificate-0.pem", "/opt/tlsforge/var/tls/cert.pem"],
    ["certificate-0.key", "/opt/tlsforge/var/tls/key.pem"],
    ["dh.pem", "/opt/tlsforge/var/tls/dh.pem"],
  ],
  workers: 2,
  workerBytes: 512 << 20,
  drainSeconds: 5,
  lowPort: "socket",
  folders: ["/home/web/my site 100%"],
  reload: ["/bin/sh", "-c", 'echo "$0" 100% >/reloaded'],
};

/**
 * Stands in for the server, without what it needs of a store: tells what the sandbox left it, which sockets and credentials it was given, and
 * what it may not do.
 */
const probe = `#!/usr/bin/python3 -I
import json, os, socket, sys, time, mmap, ctypes
def refused(work):
    try: work()
    except OSError as error: return error.strerror
    return None
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
folder = os.environ["CREDENTIALS_DIRECTORY"]
sockets = [socket.socket(fileno=3 + n) for n in range(int(os.environ.get("LISTEN_FDS", "0")))]
def bind():
    with socket.socket() as one: one.bind(("127.0.0.1", 444))
told = {
    "argv": sys.argv[1:], "uid": os.getuid() != 0, "names": os.environ.get("LISTEN_FDNAMES"),
    "sockets": [each.getsockname()[:2] for each in sockets],
    "v6only": [each.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) for each in sockets if each.family == socket.AF_INET6],
    "credentials": {name: open(os.path.join(folder, name)).read() for name in sorted(os.listdir(folder))},
    "caps": [status[name].strip() for name in ("CapPrm", "CapBnd", "CapAmb")], "no_new_privs": status["NoNewPrivs"].strip(),
    "site": open("/home/web/my site 100%/index.html").read(), "homes": sorted(os.listdir("/home")),
    "write": refused(lambda: open("/opt/tlsforge/x", "w")), "key": refused(lambda: open("/opt/tlsforge/var/tls/key.pem")),
    "chmod": refused(lambda: os.chmod("/run/tlsforge", 0o4755)),
    "mount": refused(lambda: os.chroot("/")), "packet": refused(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
    "wx": refused(lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_WRITE | mmap.PROT_EXEC)),
    "low": refused(bind), "umask": os.umask(0o77), "state": refused(lambda: open("/var/lib/tlsforge/kept", "w")),
}
open("/run/tlsforge/told", "w").write(json.dumps(told))
note = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); note.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
time.sleep(600)
`;

const script = `
mkdir -p /opt/tlsforge/current/bin /opt/tlsforge/var/tls "/home/web/my site 100%" /home/alice
cp /in/probe /opt/tlsforge/current/bin/tlsforge-server; chmod 755 /opt/tlsforge/current/bin/tlsforge-server
for name in server.json tls/cert.pem tls/key.pem tls/dh.pem; do echo "$name" >/opt/tlsforge/var/$name; chmod 600 /opt/tlsforge/var/$name; done
echo hello >"/home/web/my site 100%/index.html"
for way in socket ambient; do
  rm -f /etc/systemd/system/tlsforge.*; cp /in/$way/* /etc/systemd/system/; systemctl daemon-reload
  systemd-analyze verify /etc/systemd/system/tlsforge.* >/out/$way.verify 2>&1; echo $? >>/out/$way.verify
  systemd-analyze security --no-pager tlsforge.service >/out/$way.security
  [ $way = ambient ] || systemctl start tlsforge.socket
  systemctl start tlsforge.service && cp /run/tlsforge/told /out/$way.json
  systemctl reload tlsforge.service && mv /reloaded /out/$way.reloaded
  stat -c '%a %u' /run/tlsforge >/out/$way.run
  stat -L -c '%a %u' /var/lib/tlsforge >/out/$way.state
  systemctl stop tlsforge.socket tlsforge.service
  journalctl --no-pager -u tlsforge.service -u tlsforge.socket >/out/$way.journal
done
true
`;

describeWith(["bootroot"], "the units, under systemd", () => {
  let box = "";

  beforeAll(async () => {
    box = await mkdtemp(join(tmpdir(), "tlsforge-units-"));
    for (const lowPort of ["socket", "ambient"] as const) {
      await mkdir(join(box, "in", lowPort), { recursive: true });
      await writeFile(join(box, "in", lowPort, "tlsforge.service"), serviceUnit({ ...options, lowPort }));
      if (lowPort === "socket") await writeFile(join(box, "in", lowPort, "tlsforge.socket"), socketUnit(options));
    }
    await writeFile(join(box, "in/probe"), probe);
    await writeFile(join(box, "in/script"), script);
    await run(bootroot, ["--in", `${join(box, "in")}:/in`, "--out", `/out:${box}`, "--", "mkdir /out; sh /in/script"], {
      timeout: 590_000,
    });
  }, 600_000);

  afterAll(() => rm(box, { recursive: true, force: true }));

  const left = (name: string): Promise<string> => readFile(join(box, "out", name), "utf8");
  const told = async (way: string): Promise<Record<string, unknown>> => JSON.parse(await left(`${way}.json`)) as never;

  test.each(["socket", "ambient"])("%s: systemd finds nothing wrong with them", async (way) => {
    expect(await left(`${way}.verify`)).toBe("0\n");
  });

  test.each([
    ["socket", 1.3],
    ["ambient", 1.7],
  ])("%s: systemd's own judgement of their exposure is at most %f", async (way, limit) => {
    const exposure = /Overall exposure level for tlsforge\.service: (\d+\.\d+)/.exec(
      await left(`${way}.security`),
    )?.[1];
    expect(Number(exposure)).toBeGreaterThan(0);
    expect(Number(exposure)).toBeLessThanOrEqual(limit);
  });

  test("socket: every port is handed over, and the process can do nothing", async () => {
    expect(await told("socket")).toEqual({
      argv: ["--credentials"],
      uid: true,
      names: "tlsforge:tlsforge:tlsforge",
      sockets: [
        ["::", 443],
        ["192.0.2.1", 8443],
        ["::", 80],
      ],
      v6only: [0, 0],
      credentials: {
        "certificate-0.key": "tls/key.pem\n",
        "certificate-0.pem": "tls/cert.pem\n",
        "dh.pem": "tls/dh.pem\n",
        "server.json": "server.json\n",
      },
      caps: ["0000000000000000", "0000000000000000", "0000000000000000"],
      no_new_privs: "1",
      site: "hello\n",
      homes: ["web"],
      write: "Read-only file system",
      key: "Permission denied",
      chmod: "Operation not permitted",
      mount: "Operation not permitted",
      packet: "Address family not supported by protocol",
      wx: "Operation not permitted",
      low: "Permission denied",
      umask: 0o77,
      state: null,
    });
  });

  test("ambient: the same, and the one capability", async () => {
    const { sockets, names, v6only, caps, low, ...same } = await told("ambient");
    expect({ sockets, names, v6only, caps, low }).toEqual({
      sockets: [],
      names: null,
      v6only: [],
      caps: ["0000000000000400", "0000000000000400", "0000000000000400"],
      low: null,
    });
    expect(await told("socket")).toMatchObject(same);
  });

  test.each(["socket", "ambient"])(
    "%s: the folders below /run and /var/lib are the service's alone, and reload runs as root",
    async (way) => {
      expect(await left(`${way}.run`)).toMatch(/^700 6\d{4}\n$/);
      expect(await left(`${way}.state`)).toMatch(/^750 6\d{4}\n$/);
      expect(await left(`${way}.reloaded`)).toBe("/bin/sh 100%\n");
    },
  );
});
