/** The server of this repository's sources with workers, on the Python of a stack. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "node:tls";
import { ForgeError } from "../../src/errors.ts";
import { ask } from "../../src/server/light.ts";
import { root } from "./program.ts";
import type { Stack } from "./stack.ts";

export interface Supervised {
  readonly port: number;
  /** Milliseconds from the start of the process to the end of the first handshake. */
  readonly startMs: number;
  readonly workers: readonly number[];
  /** CPU microseconds of its processes so far, by process id. */
  readonly cpuMicroseconds: () => ReadonlyMap<number, number>;
  readonly reload: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

const program =
  "import sys; sys.path.insert(0, sys.argv.pop(1)); from tlsforge_server.__main__ import main; sys.exit(main(sys.argv[1:]))";

/** `name` is that of its folder. Throws ForgeError when it does not serve. */
export async function supervised(stack: Stack, name: string, workers: number): Promise<Supervised> {
  const folder = path.join(stack.folder, name);
  mkdirSync(path.join(folder, "run"), { recursive: true });
  const port = await freePort();
  const file = path.join(folder, "config.json");
  writeFileSync(file, JSON.stringify(configuration(stack, { folder, port, workers })));
  const source = path.join(root, "recipes/hardened-server/src");
  const began = performance.now();
  const child = spawn(stack.python, ["-I", "-B", "-c", program, source, "--config", file], { stdio: "ignore" });
  while (!(await shakesHands(port))) {
    if (child.exitCode !== null || performance.now() - began > 15_000) {
      child.kill("SIGKILL");
      throw new ForgeError("server-failed", `the server does not serve: ${readFileSync(`${folder}/log`, "utf8")}`);
    }
    await sleep(2);
  }
  const startMs = performance.now() - began;
  const control = path.join(folder, "run/server.sock");
  return {
    port,
    startMs,
    workers: await workersOf(control),
    cpuMicroseconds: () => new Map(treeOf(child.pid ?? 0).map((pid) => [pid, cpuOf(pid)])),
    async reload() {
      const told = (await ask(control, { command: "reload" }, 30)) as { readonly ok?: boolean };
      if (told.ok !== true) throw new ForgeError("server-failed", `a reload fails: ${JSON.stringify(told)}`);
    },
    async stop() {
      child.kill("SIGTERM");
      await ended(child);
    },
  };
}

/** The control socket is there a moment after the workers. */
async function workersOf(control: string): Promise<readonly number[]> {
  for (let tries = 0; tries < 500; tries += 1) {
    const told = await ask(control, { command: "status" }, 5);
    if ("status" in told && told.status !== undefined) return told.status.workers;
    await sleep(10);
  }
  throw new ForgeError("server-failed", `the server has no control socket at ${control}`);
}

function configuration(stack: Stack, of: { folder: string; port: number; workers: number }): object {
  return {
    schema: "tlsforge.server/1",
    generation: 1,
    policy: {
      profile: "modern",
      minVersion: "TLSv1.3",
      maxVersion: "TLSv1.3",
      ciphers: [],
      ciphersuites: ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"],
      groups: ["X25519MLKEM768", "X25519", "prime256v1", "secp384r1"],
      signatureAlgorithms: ["ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256"],
      preference: "client",
      options: ["NO_COMPRESSION", "NO_RENEGOTIATION", "NO_TICKET"],
      tickets: null,
      dhe: null,
      alpn: ["http/1.1"],
    },
    listen: [`127.0.0.1:${of.port}`],
    redirect: [],
    names: ["localhost"],
    certificates: [{ chain: `${stack.folder}/cert.pem`, key: `${stack.folder}/key.pem` }],
    sni: "default",
    ocsp: "off",
    hsts: { maxAge: 0, includeSubdomains: false, preload: false },
    app: { kind: "about" },
    accessLog: false,
    workers: of.workers,
    limits: { drainSeconds: 2 },
    paths: { run: `${of.folder}/run`, state: `${of.folder}/state`, log: `${of.folder}/log` },
    user: null,
    standBySeconds: 0,
    libssl: stack.libssl,
    about: {},
  };
}

async function shakesHands(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, servername: "localhost", rejectUnauthorized: false }, () => {
      resolve(true);
      socket.destroy();
    });
    socket.on("error", () => resolve(false));
  });
}

function treeOf(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  return [pid, ...children.flatMap((child) => treeOf(child))];
}

function cpuOf(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce(
    (sum, task) => sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]) / 1000,
    0,
  );
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
