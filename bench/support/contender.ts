/** Servers that `bench:endpoint` compares, each a process of its own. */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../test/tools/port.ts";
import { treeOf } from "../../test/tools/tree.ts";
import { cpuMicrosecondsOf, ended } from "./processes.ts";
import type { Stack } from "./stack.ts";

export interface Contender {
  readonly name: string;
  readonly port: number;
  /** CPU microseconds of the process so far. */
  readonly cpuMicroseconds: () => number;
  readonly residentKiB: () => number;
  readonly stop: () => Promise<void>;
}

/** Where Debian has servers, and an account's PATH often does not lead. */
const withSbin = { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin` };

const script = path.join(import.meta.dirname, "endpoint.py");

export async function twisted(kind: "ours" | "stock", application: "answer" | "web", stack: Stack): Promise<Contender> {
  const child = spawn(stack.python, [script, "serve", kind, application, stack.folder, stack.libssl], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  return contender(kind, Number(await firstLine(child)), child);
}

/** `openssl s_server` of the stack, as it comes, with the same certificate and groups. */
export async function sServer(stack: Stack): Promise<Contender> {
  const port = await freePort();
  const { folder } = stack;
  const argv = ["s_server", "-accept", `127.0.0.1:${port}`, "-cert", `${folder}/cert.pem`, "-key", `${folder}/key.pem`];
  argv.push("-tls1_3", "-groups", "X25519MLKEM768:X25519:P-256:P-384", "-www", "-quiet");
  const child = spawn(stack.openssl, argv, { stdio: "ignore" });
  await sleep(300);
  return contender("s_server", port, child);
}

/** Which nginx there is, with the OpenSSL that it has: the system's, not the stack's. Null when there is none. */
export function nginxVersion(): string | null {
  const { stderr } = spawnSync("nginx", ["-V"], { encoding: "utf8", env: withSbin });
  const [, version, openssl] = /nginx\/(\S+)[^]*built with (OpenSSL \S+)/.exec(stderr ?? "") ?? [];
  return version === undefined ? null : `nginx ${version} with ${openssl}`;
}

/** The system's nginx as one process, with the same certificate, suites and answer; of the groups those that its OpenSSL has. */
export async function nginx(stack: Stack): Promise<Contender> {
  const { port, child } = await startNginx(stack, "master_process off;");
  return contender("nginx", port, child);
}

/** A server of several processes. */
export interface Pool {
  readonly port: number;
  /** Those that serve. */
  readonly workers: readonly number[];
  /** Of each of its processes so far, by process id. */
  readonly cpuMicroseconds: () => ReadonlyMap<number, number>;
  readonly stop: () => Promise<void>;
}

/** The same with a master and so many workers. */
export async function nginxPool(stack: Stack, count: number): Promise<Pool> {
  const { port, child } = await startNginx(stack, `worker_processes ${count};`);
  const processes = treeOf(child.pid ?? 0);
  return {
    port,
    workers: processes.filter((pid) => pid !== child.pid),
    cpuMicroseconds: () => new Map(processes.map((pid) => [pid, cpuMicrosecondsOf(pid)])),
    async stop() {
      child.kill("SIGTERM");
      await ended(child);
    },
  };
}

async function startNginx(
  stack: Stack,
  processes: string,
): Promise<{ readonly port: number; readonly child: ChildProcess }> {
  const port = await freePort();
  const { folder } = stack;
  const configuration = `${folder}/nginx-${port}.conf`;
  writeFileSync(
    configuration,
    `daemon off; ${processes} pid ${folder}/nginx-${port}.pid; error_log stderr crit;
    events { worker_connections 4096; }
    http {
      access_log off;
      server {
        listen 127.0.0.1:${port} ssl backlog=1024;
        ssl_certificate ${folder}/cert.pem; ssl_certificate_key ${folder}/key.pem;
        ssl_protocols TLSv1.3; ssl_ecdh_curve X25519:P-256:P-384; ssl_session_tickets off; ssl_session_cache off;
        location / { default_type text/plain; add_header X-Padding abcdefg; return 200 "Hello, world!\\n"; }
      }
    }`,
  );
  const child = spawn("nginx", ["-p", folder, "-e", "stderr", "-c", configuration], {
    stdio: ["ignore", "ignore", "inherit"],
    env: withSbin,
  });
  await sleep(300);
  return { port, child };
}

/** Runs the client to its end. */
export async function load(what: "handshake" | "get" | "body", of: Load, stack: Stack): Promise<void> {
  const argv = [script, "load", what, String(of.port), String(of.count), of.group];
  const child = spawn(stack.python, argv, { stdio: ["ignore", "pipe", "inherit"] });
  if ((await firstLine(child)) !== "done") throw new Error(`the client of ${what} failed`);
  await ended(child);
}

interface Load {
  readonly port: number;
  readonly count: number;
  readonly group: string;
}

/** KiB of resident memory for each of `count` idle connections. */
export async function heldKiB(server: Contender, count: number, stack: Stack): Promise<number> {
  await load("handshake", { port: server.port, count: 20, group: "X25519" }, stack);
  const before = server.residentKiB();
  const child = spawn(stack.python, [script, "hold", String(server.port), String(count)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  await firstLine(child);
  await sleep(300);
  const held = server.residentKiB() - before;
  child.stdin.end();
  await ended(child);
  return held / count;
}

function contender(name: string, port: number, child: ChildProcess): Contender {
  const pid = child.pid ?? 0;
  return {
    name,
    port,
    cpuMicroseconds: () => cpuMicrosecondsOf(pid),
    residentKiB: () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]),
    async stop() {
      child.kill("SIGKILL");
      await ended(child);
    },
  };
}

async function firstLine(child: ChildProcess): Promise<string> {
  let text = "";
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk);
    if (text.includes("\n")) break;
  }
  return text.trim();
}
