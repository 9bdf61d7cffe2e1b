/** The hardened server as a prefix has it, started for one benchmark on a free port. */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { text as textOf } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "node:tls";
import { ForgeError } from "../../src/errors.ts";
import { freePort } from "../../test/tools/port.ts";
import { treeOf } from "../../test/tools/tree.ts";
import { ask } from "../../src/server/light.ts";
import type { Pool } from "./contender.ts";
import { cpuMicrosecondsOf, ended } from "./processes.ts";
import type { Stack } from "./stack.ts";

export interface Hardened extends Pool {
  /** Milliseconds from the start of the process to the end of the first handshake. */
  readonly startMs: number;
  /** All of its tree. */
  readonly processes: () => readonly number[];
  readonly reload: () => Promise<void>;
}

interface Wanted {
  /** Of its folder, below the stack's. */
  readonly name: string;
  /** As in the configuration: what it serves, what it is limited to, and by how many processes (0: one for each processor). */
  readonly app: Readonly<Record<string, unknown>>;
  readonly limits: Readonly<Record<string, number>>;
  readonly workers: number;
}

/** Serves with TLS 1.3 alone. Throws ForgeError `server-failed` when it does not within 15 s. */
export async function hardened(stack: Stack, wanted: Wanted): Promise<Hardened> {
  const folder = path.join(stack.folder, wanted.name);
  const control = path.join(folder, "run/server.sock");
  mkdirSync(path.dirname(control), { recursive: true });
  const port = await freePort();
  const file = path.join(folder, "config.json");
  writeFileSync(file, JSON.stringify(configuration(stack, { ...wanted, folder, port })));
  const began = performance.now();
  const child = spawn(stack.server, ["--config", file], { stdio: ["ignore", "ignore", "pipe"] });
  const refusal = textOf(child.stderr);
  while (!(await shakesHands(port))) {
    if (child.exitCode !== null || performance.now() - began > 15_000) {
      child.kill("SIGKILL");
      const log = readFileSync(`${folder}/log`, { encoding: "utf8", flag: "a+" });
      throw new ForgeError("server-failed", `the server does not serve: ${(await refusal) || log}`);
    }
    await sleep(2);
  }
  const startMs = performance.now() - began;
  const processes = (): readonly number[] => treeOf(child.pid ?? 0);
  return {
    port,
    startMs,
    workers: await workersOf(control),
    processes,
    cpuMicroseconds: () => new Map(processes().map((pid) => [pid, cpuMicrosecondsOf(pid)])),
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

/** CPU seconds of all processes of a server so far. */
export function cpuSecondsOf(server: Hardened): number {
  return [...server.cpuMicroseconds().values()].reduce((sum, value) => sum + value, 0) / 1e6;
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

async function shakesHands(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port, servername: "localhost", rejectUnauthorized: false }, () => {
      resolve(true);
      socket.destroy();
    });
    socket.on("error", () => resolve(false));
  });
}

function configuration(stack: Stack, of: Wanted & { readonly folder: string; readonly port: number }): object {
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
    ocsp: "auto",
    hsts: { maxAge: 0, includeSubdomains: false, preload: false },
    app: of.app,
    accessLog: false,
    workers: of.workers,
    limits: of.limits,
    paths: { run: `${of.folder}/run`, state: `${of.folder}/state`, log: `${of.folder}/log` },
    user: null,
    standBySeconds: 0,
    libssl: stack.libssl,
    about: {},
  };
}
