/** The hardened server of this repository's sources, started for one benchmark on the Python of a stack. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ForgeError } from "../../src/errors.ts";
import { treeOf } from "../../test/tools/tree.ts";
import { ended, freePort } from "./contender.ts";
import { root } from "./program.ts";
import type { Stack } from "./stack.ts";

export interface Hardened {
  readonly port: number;
  /** All processes of its tree. */
  readonly processes: () => readonly number[];
  readonly stop: () => Promise<void>;
}

interface Wanted {
  /** Of the configuration; its defaults where left out. */
  readonly limits: Readonly<Record<string, number>>;
  /** How many processes serve; 0: one for each processor. */
  readonly workers: number;
  /** What it serves. */
  readonly files: Readonly<Record<string, Buffer | string>>;
}

const program =
  "import sys; sys.path.insert(0, sys.argv.pop(1)); from tlsforge_server.__main__ import main; sys.exit(main(sys.argv[1:]))";

/** Serves files of the stack's folder with TLS 1.3. Throws ForgeError when it does not start. */
export async function hardened(stack: Stack, wanted: Wanted): Promise<Hardened> {
  const port = await freePort();
  const served = path.join(stack.folder, "served");
  for (const folder of [served, path.join(stack.folder, "run")]) mkdirSync(folder);
  for (const [name, content] of Object.entries(wanted.files)) writeFileSync(path.join(served, name), content);
  const file = path.join(stack.folder, "config.json");
  writeFileSync(file, JSON.stringify(configuration(stack, { ...wanted, port, served })));
  const source = path.join(root, "recipes/hardened-server/src");
  const child = spawn(stack.python, ["-I", "-B", "-c", program, source, "--config", file, "--log-stderr"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const said: string[] = [];
  child.stderr.on("data", (chunk) => said.push(String(chunk)));
  if (!(await answers(port, child))) {
    child.kill("SIGKILL");
    throw new ForgeError("not-serving", `the server does not start: ${said.join("").trim()}`);
  }
  return {
    port,
    processes: () => treeOf(child.pid ?? 0),
    async stop() {
      child.kill("SIGTERM");
      await ended(child);
    },
  };
}

function configuration(stack: Stack, of: Wanted & { readonly port: number; readonly served: string }): object {
  const { folder } = stack;
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
    certificates: [{ chain: `${folder}/cert.pem`, key: `${folder}/key.pem` }],
    sni: "default",
    ocsp: "off",
    hsts: { maxAge: 0, includeSubdomains: false, preload: false },
    app: { kind: "static", directory: of.served },
    accessLog: false,
    workers: of.workers,
    limits: of.limits,
    paths: { run: `${folder}/run`, state: `${folder}/state`, log: null },
    user: null,
    standBySeconds: 0,
    libssl: stack.libssl,
    about: {},
  };
}

/** Whether it takes connections within 15 s. */
async function answers(port: number, child: ChildProcess): Promise<boolean> {
  for (let tries = 0; tries < 300 && child.exitCode === null; tries += 1) {
    const reached = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true));
      socket.on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    if (reached) return true;
    await sleep(50);
  }
  return false;
}
