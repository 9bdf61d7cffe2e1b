import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { execa } from "execa";
import { afterAll } from "vitest";

import {
  observe,
  type Observations,
  type ObserveOptions,
  type ObserveTarget,
  type Outcome,
} from "../../../src/probe/index.ts";

/** A folder that is gone when the file's tests are done. */
export async function scratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "probe-"));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Looks at a port of this machine as `localhost`, with no public anchors. */
export function look(
  port: number,
  options: Partial<ObserveOptions> = {},
  target: Partial<ObserveTarget> = {},
): Promise<Observations> {
  let count = 0;
  const random = (length: number): Uint8Array => {
    const blocks = Array.from({ length: Math.ceil(length / 64) }, () =>
      createHash("sha512").update(`${port} ${count++}`).digest(),
    );
    return new Uint8Array(Buffer.concat(blocks).subarray(0, length));
  };
  return observe(
    { host: "localhost", port, address: "127.0.0.1", ...target },
    { now: new Date(), random, timeoutMs: 3000, systemCas: [], ...options },
  );
}

/** The observed value; throws with the reason where there is none. */
export function value<T>(outcome: Outcome<T> | undefined): T {
  if (outcome?.state !== "observed") throw new Error(`not observed: ${outcome?.why ?? "no entry"}`);
  return outcome.value;
}

/** Names of the suites of one version, OpenSSL's where it has one. */
export function suiteNames(observations: Observations, protocol: keyof Observations["cipherSuites"]): string[] {
  return value(observations.cipherSuites[protocol]).suites.map((suite) => suite.opensslName ?? suite.name);
}

/** Names of the versions that are offered. */
export function offered(observations: Observations): string[] {
  return Object.entries(observations.protocols).flatMap(([name, support]) =>
    support.state === "observed" && support.value.offered ? [name] : [],
  );
}

export interface Issued {
  readonly certificate: string;
  readonly key: string;
}

/** What a certificate to be made says. */
export interface Wanted {
  readonly name: string;
  readonly key?: "rsa:1024" | "rsa:2048" | "P-256" | "P-384" | "secp256k1" | "ed25519";
  /** Besides `localhost` and 127.0.0.1. */
  readonly names?: readonly string[];
  readonly issuer?: Issued;
  readonly isCa?: boolean;
  /** Without a subject alternative name. */
  readonly nameless?: boolean;
  /** Its extended key usage; `serverAuth` otherwise. */
  readonly purpose?: string;
  readonly extensions?: readonly string[];
  readonly days?: number;
}

/** Makes a key and a certificate with the openssl command line, in files named after `name`. */
export async function issue(folder: string, wanted: Wanted): Promise<Issued> {
  const at = (suffix: string): string =>
    join(folder, `${wanted.name.replaceAll(" ", "-")}-${wanted.key ?? "P-256"}${suffix}`.replace(":", ""));
  const [key, request, certificate, extensionFile] = [at(".key"), at(".csr"), at(".pem"), at(".ext")];
  const kind = wanted.key ?? "P-256";
  const algorithm = /^(?:P-|secp)/.test(kind)
    ? ["-newkey", "ec", "-pkeyopt", `ec_paramgen_curve:${kind}`]
    : ["-newkey", kind];
  await openssl([
    "req",
    "-new",
    ...algorithm,
    "-nodes",
    "-keyout",
    key,
    "-out",
    request,
    "-subj",
    `/CN=${wanted.name}`,
  ]);
  const alternatives = ["DNS:localhost", "IP:127.0.0.1", ...(wanted.names ?? []).map((name) => `DNS:${name}`)];
  const named = wanted.nameless === true ? [] : [`subjectAltName=${alternatives.join(",")}`];
  const constraints =
    wanted.isCa === true
      ? ["basicConstraints=critical,CA:TRUE"]
      : [...named, `extendedKeyUsage=${wanted.purpose ?? "serverAuth"}`];
  await writeFile(extensionFile, [...constraints, ...(wanted.extensions ?? [])].join("\n"));
  const signer =
    wanted.issuer === undefined
      ? ["-signkey", key]
      : ["-CA", wanted.issuer.certificate, "-CAkey", wanted.issuer.key, "-CAcreateserial"];
  await openssl([
    "x509",
    "-req",
    "-in",
    request,
    ...signer,
    "-days",
    String(wanted.days ?? 30),
    "-extfile",
    extensionFile,
    "-out",
    certificate,
  ]);
  return { certificate, key };
}

/** Runs the openssl command line without the machine's configuration of security levels. */
export async function openssl(argv: readonly string[], input?: string): Promise<string> {
  const { stdout } = await execa("openssl", argv, { timeout: 20_000, ...(input === undefined ? {} : { input }) });
  return stdout;
}

export function read(path: string): Promise<string> {
  return readFile(path, "utf8");
}

/** Runs `use` beside an `openssl s_server` on a free port of this machine, without the machine's configuration file. */
export async function withServer<T>(argv: readonly string[], use: (port: number) => Promise<T>): Promise<T> {
  const server = spawn("openssl", ["s_server", "-accept", "127.0.0.1:0", ...argv], {
    env: { ...process.env, OPENSSL_CONF: "/dev/null" },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const ended = new Promise<void>((resolve) => server.once("close", () => resolve()));
  try {
    return await use(await listening(server));
  } finally {
    server.kill("SIGKILL");
    await ended;
  }
}

/** The port that the server says it accepts connections on. */
function listening(server: ChildProcessWithoutNullStreams): Promise<number> {
  return new Promise((resolve, reject) => {
    let said = "";
    const listen = (chunk: Buffer): void => {
      said += chunk.toString();
      const port = /^ACCEPT .*:(\d+)$/m.exec(said)?.[1];
      if (port !== undefined) resolve(Number(port));
    };
    server.stdout.on("data", listen);
    server.stderr.on("data", listen);
    server.once("error", reject);
    server.once("close", () => reject(new Error(`s_server did not start: ${said}`)));
  });
}
