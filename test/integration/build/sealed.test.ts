import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import { expect, it, onTestFinished } from "vitest";
import type { Seal } from "../../../src/build/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { failureOf, freshFolder, machineSeal, make, prepare, processesWith } from "./helpers.ts";
import type { Ended, Wanted } from "./sealed-child.ts";

const child = new URL("./sealed-child.ts", import.meta.url).pathname;
const deny = new URL("./deny.pl", import.meta.url).pathname;
const [unshareCall, clockCall] = process.arch === "x64" ? ["272", "164"] : ["97", "170"];
const [landlockCall, setattrCall] = ["444", "442"];
const nobody = 65_534;
const whole: readonly Seal["grade"][] = ["full", "namespaces"];
const abi = (await machineSeal([[]])).landlock;

/** How a program is started on a machine that refuses something. */
const machines = {
  "the whole machine": [],
  "a container without namespaces": ["perl", deny, unshareCall, "--"],
  "a container without namespaces and Landlock": ["perl", deny, unshareCall, landlockCall, "--"],
  // ENOSYS: it does not know mount_setattr.
  "a machine with Linux 5.11": ["perl", deny, `${setattrCall}:38`, landlockCall, "--"],
  // A part of /proc is covered, so that a user may not mount one that shows it.
  "a container with a masked /proc": [
    "unshare",
    "-m",
    "sh",
    "-c",
    'mount --bind /dev/null /proc/version && exec "$@"',
    "sh",
  ],
  "a folder without /proc": ["unshare", "-m", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"],
} as const;
const python = (code: string): string => `python3 -c '${code}'`;
const connect = (address: string, port: number): string =>
  python(`import socket; socket.create_connection(("${address}", ${port}), 3).send(b"x")`);

describeWith(["linux", "root", "unshare", "python3", "setsid"], "a sealed build", () => {
  it.each([
    ["root", 0, "the whole machine", whole],
    ["a user", nobody, "the whole machine", whole],
    ["a user", nobody, "a container with a masked /proc", whole],
    ["a user", nobody, "a machine with Linux 5.11", ["namespaces"]],
    ["root", 0, "a container without namespaces", ["landlock"]],
    ["a user", nobody, "a container without namespaces", ["landlock"]],
  ] as const)(`of %s (%i) in %s, where the kernel has Landlock ABI ${abi}`, async (_, uid, machine, grades) => {
    const folder = await place();
    const outside = await folderIn("/usr/local");
    await chmod(outside, 0o777);
    const device = join(await folderIn("/dev"), "disk");
    await writeFile(device, "");
    const segment = sharedSegment();
    const port = await listening();
    const victim = sleeper(uid);
    const lone = `73.${process.pid}${uid}${machine.length}`;
    const attempts: readonly (readonly [text: string, message: RegExp])[] = [
      [connect("192.0.2.1", 80), /the network was refused: .*unreachable/u],
      [
        python('import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53))'),
        /the network was refused: .*unreachable/u,
      ],
      [connect("127.0.0.1", port), /the network was refused: /u],
      [`echo x >${folder}/home/x`, /a write outside of its own folders was refused|is hidden from builds/u],
      [`touch ${folder}/p/store/other/x`, /a write outside of its own folders was refused/u],
      [`touch ${outside}/x`, /a write outside of its own folders was refused/u],
      [`cat ${device} || exit 3`, /exit 3|was refused: cat: /u],
      [segment.get, /failed: exit 3/u],
      [`cat ${folder}/home/.ssh/id`, /home\/\.ssh\/id is hidden from builds/u],
      [
        python(
          `import ctypes, sys; sys.exit(0 if ctypes.CDLL(None, use_errno=True).ptrace(16, ${victim.pid}, None, None) == 0 else 3)`,
        ),
        /failed: exit 3/u,
      ],
      // The kernel asks whether one may before it looks what for: no such file system, and a clock that is set to nothing.
      ['mount -t tlsforge-none none "$0"', /a change of the machine was refused/u],
      [`perl -e 'exit(syscall(${clockCall}, 0, 0) == 0 ? 0 : 3)'`, /failed: exit 3/u],
      ["exit 7", /failed: exit 7$/u],
      ["kill -15 $$", /failed: exit 143, as after SIGTERM$/u],
    ];
    const service = await serviceIn(folder);
    const target = sleeper(uid);
    await writeFile(join(folder, "whole"), "whole\n");
    await writeFile(join(folder, "mode"), "", { mode: 0o644 });
    const shared = join("/dev/shm", `tlsforge-test-${lone}`);
    await writeFile(shared, "");
    onTestFinished(() => rm(shared));
    await chmod(shared, 0o666);
    // What only a fuller seal closes: whatever goes through is told as open.
    const partly: readonly (readonly [text: string, opening: string])[] = [
      [
        python(
          `import socket; s = socket.socket(socket.AF_UNIX); s.connect("${service.path}"); s.send(b"x"); assert s.recv(1) == b"y"`,
        ),
        "local services by Unix sockets",
      ],
      [`chmod 600 ${folder}/mode`, "modes, owners and times of files"],
      [`chown $(id -u) ${folder}/mode`, "modes, owners and times of files"],
      [python(`import os; os.utime("${folder}/mode", (0, 0))`), "modes, owners and times of files"],
      [`test -e ${shared} && echo x >>${shared}`, "writes to /dev/shm"],
      [`ls ${folder}/home/.ssh | grep -qx id`, "names of hidden files"],
      [python(`import os; os.truncate("${folder}/whole", 0)`), "truncation of files"],
      [`kill -9 ${target.pid}`, "signals to other processes"],
    ];
    const { seal, ended } = await build(folder, {
      uid,
      machine,
      grades,
      texts: [...attempts, ...partly].map(([text]) => text).concat(daemon(lone)),
    });
    expect(grades).toContain(seal.grade);
    expect(seal.network).toBe("closed");
    expect(seal.command.includes("--no-pid")).toBe(machine === "a container with a masked /proc");
    expect(ended.slice(0, attempts.length).map(({ error }) => error?.message)).toEqual(
      attempts.map(([, message]) => expect.stringMatching(message) as string),
    );
    expect(ended[0]?.error?.hint).toMatch(
      /^builds are sealed and have no network: .*`network: true`; .*; the whole log: /u,
    );
    const last = ended.at(-1);
    expect(last).toMatchObject({ error: null, owner: uid, seal: { grade: seal.grade, network: [] } });
    expect(last?.log).toContain(`[tlsforge: left behind by this program, and ended: sleep ${lone} (`);
    expect(await processesWith(`sleep\u0000${lone}`)).toEqual([]);
    expect(victim.exitCode ?? victim.signalCode).toBeNull();
    const told = last?.seal?.text ?? "";
    const open = partly.filter((_entry, index) => ended[attempts.length + index]?.error === null);
    expect(open.map(([, opening]) => opening)).toEqual(
      partly.map(([, opening]) => opening).filter((opening) => told.includes(opening)),
    );
    expect(told.startsWith("sealed: ")).toBe(open.length === 0);
    expect(seal.grade === "landlock").toBe(told.includes("open: local services by Unix sockets, writes to"));
    const { mode, mtimeMs } = await stat(join(folder, "mode"));
    expect({
      service: service.heard(),
      mode: mode & 0o777,
      dated: mtimeMs === 0,
      shared: await readFile(shared, "utf8"),
      size: (await stat(join(folder, "whole"))).size,
      alive: (target.exitCode ?? target.signalCode) === null,
    }).toEqual({
      service: told.includes("Unix sockets"),
      mode: told.includes("modes") ? 0o600 : 0o644,
      dated: told.includes("times"),
      shared: told.includes("/dev/shm") ? "x\n" : "",
      size: told.includes("truncation") ? 0 : 6,
      alive: !told.includes("signals"),
    });
    expect(await readdir(join(folder, "home"))).toEqual([".ssh"]);
    expect(await readdir(outside)).toEqual([]);
  });

  it.each([
    ["root", 0],
    ["a user", nobody],
  ])("of %s finds no Unix socket of the machine, and has its own", async (_, uid) => {
    const folder = await place();
    // Where services keep things, elsewhere, and in what a build is shown of a place that it does not see.
    const places = [await folderIn("/var/lib"), await folderIn("/usr/local"), join(folder, "hello")];
    await mkdir(join(folder, "hello"));
    const services = await Promise.all(places.map(serviceIn));
    const renamed = join(places[1] ?? "", "renamed");
    await rename(services[1]?.path ?? "", renamed);
    const meet = (path: string): string =>
      python(`import socket; s = socket.socket(socket.AF_UNIX); s.connect("${path}"); s.send(b"x")`);
    const own =
      'import os, socket; p = os.environ["TMPDIR"] + "/s"; l = socket.socket(socket.AF_UNIX); l.bind(p); l.listen();';
    const { ended } = await build(folder, {
      uid,
      machine: "the whole machine",
      grades: whole,
      texts: [
        ...services.map(({ path }, index) => meet(index === 1 ? renamed : path)),
        python(
          `${own} s = socket.socket(socket.AF_UNIX); s.connect(p); s.send(b"x"); assert l.accept()[0].recv(1) == b"x"`,
        ),
      ],
    });
    expect(ended.map(({ error }) => error?.message ?? null)).toEqual([
      expect.stringContaining("failed: exit 1"),
      ...[1, 2].map(() => expect.stringMatching(/failed: the network was refused: .*Connection refused/u) as string),
      null,
    ]);
    expect(ended[0]?.log).toContain("No such file or directory");
    expect(services.map((service) => service.heard())).toEqual([false, false, false]);
  });

  it.each([
    ["is not the wanted one", "a container without namespaces and Landlock", ["landlock"], false, []],
    ["fails later", "the whole machine", whole, true, [/--require-sandbox was given: not sealed: /u]],
    ["fails later, and is not whole", "a container without namespaces", ["landlock"], true, [/failed: exit 96$/u]],
  ] as const)("that %s: these tests attempt nothing", async (_, machine, grades, lost, messages) => {
    const folder = await place();
    const { ended } = await build(folder, { uid: 0, machine, grades, lost, texts: [`touch ${folder}/attempted`] });
    expect(ended.map(({ error }) => error?.message)).toEqual(
      messages.map((message) => expect.stringMatching(message) as string),
    );
    expect(existsSync(join(folder, "attempted"))).toBe(false);
  });

  it("that cannot be one is told, builds all the same, and is refused where it is required", async () => {
    const folder = await place();
    const machine = "a container without namespaces and Landlock";
    const plain = await build(folder, { uid: 0, machine, grades: ["none"], texts: ["true"] });
    expect(plain.seal).toMatchObject({ grade: "none", refused: expect.arrayContaining(["Landlock: it is not there"]) });
    expect(plain.ended[0]).toMatchObject({
      error: null,
      seal: { text: expect.stringMatching(/^not sealed: unshare: /u) },
    });
    const { ended } = await build(folder, { uid: 0, machine, grades: ["none"], texts: [":"], required: true });
    expect(ended[0]?.error).toMatchObject({
      code: "sandbox-missing",
      message: expect.stringMatching(
        /^builds cannot be sealed whole here, and --require-sandbox was given: not sealed: unshare: /u,
      ),
      hint: expect.stringMatching(/seccomp|sysctl/u),
    });
  });

  it("that cannot be one without /proc is told, and builds all the same", async () => {
    const machine = "a folder without /proc";
    const { seal, ended } = await build(await place(), { uid: 0, machine, grades: ["none"], texts: ["true"] });
    expect(seal).toMatchObject({ grade: "none", remedy: "mount it: mount -t proc proc /proc" });
    expect(ended[0]).toMatchObject({ error: null, seal: { text: "not sealed: /proc is not mounted" } });
  });

  it("gives the network to a step that is declared to need it, unless --offline is given or a sandbox is required", async () => {
    const machine = "the whole machine";
    const online = { uid: nobody, machine, grades: whole, network: true } as const;
    const text = connect("127.0.0.1", await listening());
    const [made, required, offline] = [
      await build(await place(), { ...online, texts: [text] }),
      await build(await place(), { ...online, texts: [text], required: true }),
      await build(await place(), { ...online, texts: [`${text} && :`], offline: true }),
    ].map(({ ended }) => ended[0]);
    expect(made).toMatchObject({
      error: null,
      seal: {
        network: [expect.stringMatching(/^run sh -c /u)],
        text: expect.stringMatching(/^sealed in part: .*; open: the network to the step "run sh -c /u),
      },
    });
    expect(required?.error).toMatchObject({
      code: "sandbox-missing",
      message: expect.stringContaining("--require-sandbox was given: hello: run sh -c "),
    });
    expect(offline?.error).toMatchObject({ hint: expect.stringMatching(/which --offline forbids/u) });
  });

  it("of a step that has the network has nothing more of the machine, without namespaces", async () => {
    const texts = [connect("127.0.0.1", await listening()), sharedSegment().get];
    const machine = "a container without namespaces";
    const { ended } = await build(await place(), { uid: 0, machine, grades: ["landlock"], texts, network: true });
    expect(ended.map(({ error }) => error?.message)).toEqual([undefined, expect.stringMatching(/failed: exit 3/u)]);
  });
});

describeWith(["linux", "cc", "make", "patch"], "a real project", () => {
  it.each([
    ["namespaces", [["--namespaces"], ["--namespaces", "--no-pid"]]],
    ["Landlock alone", [[]]],
    ["nothing", []],
  ] as const)("is built the same when it is sealed by %s", async (_, ways) => {
    const seal = await machineSeal(ways);
    const { receipt, derivation } = await make(await prepare(await freshFolder()), { seal });
    expect(receipt).toMatchObject({ seal: { grade: seal.grade }, gates: expect.objectContaining({ length: 4 }) });
    expect(await readdir(join(derivation.out, "bin"))).toEqual(["hello"]);
  });

  it("is built unsealed, and that is said, when the seal does not fit around its folders", async () => {
    const text = "echo 'tlsforge: the seal could not be made: the moon' >&2; exit 125";
    const command = ["/bin/sh", "-c", text, "sh"];
    const seal = { ...(await machineSeal()), grade: "full", network: "closed", command } as const;
    const project = await prepare(await freshFolder());
    expect(await failureOf(make(project, { seal, requireSandbox: true }))).toMatchObject({ code: "sandbox-missing" });
    const { receipt, events } = await make(project, { seal });
    expect(receipt.seal).toMatchObject({ grade: "none", text: "not sealed: the moon" });
    expect(events).toContainEqual({
      type: "warning",
      message: "hello: its build is not sealed: the moon",
    });
  });
});

/** Leaves a daemon behind. */
function daemon(seconds: string): string {
  return `env -i setsid sleep ${seconds} & sleep 0.1`;
}

/** A folder that everybody may enter, with a home and a secret in it. */
async function place(): Promise<string> {
  const folder = await freshFolder();
  await chmod(folder, 0o755);
  await mkdir(join(folder, "home", ".ssh"), { recursive: true });
  await writeFile(join(folder, "home", ".ssh", "id"), "secret\n");
  return folder;
}

/** A fresh folder outside of every test's, that everybody may enter. */
async function folderIn(above: string): Promise<string> {
  const folder = await mkdtemp(join(above, "tlsforge-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755);
  return folder;
}

/** The port of a server on loopback that takes what comes. */
async function listening(): Promise<number> {
  const server = createServer((socket) => socket.on("error", () => undefined).resume());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as { port: number }).port;
}

/** A service at a path outside of every build's folders, that answers. */
async function serviceIn(folder: string): Promise<{ readonly path: string; readonly heard: () => boolean }> {
  let heard = false;
  const server = createServer((socket) =>
    socket
      .on("error", () => undefined)
      .on("data", () => {
        heard = true;
        socket.end("y");
      }),
  );
  const path = join(folder, "service");
  server.listen({ path, readableAll: true, writableAll: true });
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return { path, heard: () => heard };
}

/** Memory of System V that the machine has, and what ends with 3 where it is not found. */
function sharedSegment(): { readonly get: string } {
  const key = 0x7f_00_00_00 + Math.floor(Math.random() * 0xff_ff_ff);
  const made = "import ctypes; assert ctypes.CDLL(None).shmget";
  execFileSync("python3", ["-c", `${made}(${key}, 16, 0o3666) >= 0`]); // IPC_CREAT, IPC_EXCL
  onTestFinished(() => void execFileSync("ipcrm", ["-M", String(key)]));
  return { get: python(`import ctypes, sys; sys.exit(0 if ctypes.CDLL(None).shmget(${key}, 0, 0) >= 0 else 3)`) };
}

function sleeper(uid: number) {
  const process = spawn("sleep", ["74"], { uid, gid: uid, stdio: "ignore" });
  onTestFinished(() => void process.kill("SIGKILL"));
  return process;
}

async function build(
  folder: string,
  { uid, machine, ...wanted }: Wanted & { readonly uid: number; readonly machine: keyof typeof machines },
): Promise<{ readonly seal: Seal; readonly ended: readonly Ended[] }> {
  const argv = [...machines[machine], process.execPath, child, folder, String(uid), JSON.stringify(wanted)];
  const started = spawn(argv[0] ?? "", argv.slice(1), { stdio: ["ignore", "pipe", "inherit"] });
  return JSON.parse(await textOf(started.stdout)) as Awaited<ReturnType<typeof build>>;
}
