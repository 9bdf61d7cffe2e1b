import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { connect as secure } from "node:tls";
import { treeOf } from "../tree.ts";
import { drawFrom, mutate, type Draw } from "./mutate.ts";

export interface HelloOptions {
  /** `127.0.0.1:PORT` of a server on this machine. */
  readonly target: string;
  /** Its first process: memory and descriptors of all below it are looked at too. */
  readonly pid: number;
  /** The openssl program whose hellos are mutated, beside Node's. */
  readonly openssl: string;
  readonly runs: number;
  readonly seed: number;
  /** Connections at once. */
  readonly clients: number;
}

export interface HellosSent {
  readonly runs: number;
  /** What the server answered with, by the first record's type. */
  readonly answers: Readonly<Record<"alert" | "hello" | "nothing" | "other", number>>;
  /** Of the server. */
  readonly processes: number;
  /** Growth of the resident memory of all processes after the first tenth of the runs, in bytes. */
  readonly growthBytes: number;
  /** Descriptors that are open afterwards and were not before. */
  readonly descriptors: number;
  readonly slowestMs: number;
  readonly seconds: number;
}

/** A connection has to be over by then: far above any answer, below the server's own deadline for a handshake. */
const hangMs = 8_000;

/**
 * Sends mutated first flights to a live server, each on a connection of its own. Throws when one hangs, when the server no longer answers, or when its
 * processes are not the same at the end.
 */
export async function fuzzHellos(options: HelloOptions): Promise<HellosSent> {
  const hellos = await firstFlights(options.openssl);
  const draw = drawFrom(options.seed);
  const answers = { alert: 0, hello: 0, nothing: 0, other: 0 };
  const began = performance.now();
  const pids = treeOf(options.pid);
  const descriptors = count(pids);
  let [begun, slowestMs, resident] = [0, 0, 0];
  const client = async (): Promise<void> => {
    while (begun < options.runs) {
      begun += 1;
      if (begun === Math.ceil(options.runs / 10)) resident = residentBytes(pids);
      const bytes = mutate(pick(hellos, draw), pick(hellos, draw), draw);
      const start = performance.now();
      const answer = await one(options.target, bytes, draw);
      slowestMs = Math.max(slowestMs, performance.now() - start);
      answers[answer] += 1;
    }
  };
  await Promise.all(Array.from({ length: options.clients }, client));
  await greet(options.target);
  const after = treeOf(options.pid);
  if (after.join() !== pids.join())
    throw new Error(`the server's processes were ${pids.join()} and are ${after.join()} (seed ${options.seed})`);
  return {
    runs: begun,
    answers,
    processes: pids.length,
    growthBytes: residentBytes(pids) - resident,
    descriptors: (await settled(pids, descriptors)) - descriptors,
    slowestMs,
    seconds: (performance.now() - began) / 1000,
  };
}

/** A whole handshake, as anybody would make it. */
function greet(target: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = secure({ ...place(target), rejectUnauthorized: false }, () => {
      socket.destroy();
      resolve();
    });
    socket.on("error", reject);
  });
}

function one(target: string, bytes: Uint8Array, draw: Draw): Promise<keyof HellosSent["answers"]> {
  const split = draw(4) === 0 ? draw(bytes.length + 1) : 0;
  const abrupt = draw(8) === 0;
  return new Promise((resolve, reject) => {
    let first: number | null = null;
    const socket = connect({ ...place(target), noDelay: true });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no end after ${hangMs} ms for ${Buffer.from(bytes).toString("hex")}`));
    }, hangMs);
    socket.on("connect", () => {
      if (split > 0) socket.write(bytes.subarray(0, split));
      // With our end sent, the server's end is all there is to wait for.
      if (abrupt) socket.write(bytes.subarray(split), () => socket.resetAndDestroy());
      else socket.end(bytes.subarray(split));
    });
    socket.on("data", (data) => {
      first ??= data[0] ?? null;
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "ECONNRESET" && error.code !== "EPIPE") reject(error);
    });
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(first === null ? "nothing" : first === 0x15 ? "alert" : first === 0x16 ? "hello" : "other");
    });
  });
}

function place(target: string): { host: string; port: number } {
  const split = target.lastIndexOf(":");
  return { host: target.slice(0, split).replaceAll(/^\[|\]$/g, ""), port: Number(target.slice(split + 1)) };
}

function pick(from: readonly Uint8Array[], draw: Draw): Uint8Array {
  return from[draw(from.length)] ?? new Uint8Array(0);
}

/** What real clients send first, each taken from the wire. */
async function firstFlights(openssl: string): Promise<readonly Uint8Array[]> {
  const taken: Uint8Array[] = [];
  const server = createServer((socket) => {
    socket.once("data", (data) => {
      taken.push(Uint8Array.from(data));
      socket.destroy();
    });
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const named = ["-servername", "localhost"];
  for (const arguments_ of [
    ["-tls1_3", "-alpn", "h2,http/1.1", "-status", ...named],
    ["-tls1_2", "-status", "-alpn", "http/1.1", ...named],
    ["-tls1_3", "-groups", "X25519MLKEM768:X25519:P-256", ...named],
    ["-tls1_3", "-groups", "P-384:P-521", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"],
    ["-tls1_2", "-cipher", "ALL:@SECLEVEL=0", "-nextprotoneg", "http/1.1"],
    ["-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0", "-legacy_renegotiation", "-comp", "-maxfraglen", "512"],
  ])
    await ended(openssl, ["s_client", "-connect", `127.0.0.1:${port}`, ...arguments_]);
  await new Promise<void>((resolve) => {
    const socket = secure({ port, host: "127.0.0.1", servername: "www.example.org", ALPNProtocols: ["http/1.1"] });
    socket.on("error", () => {});
    socket.on("close", () => resolve());
  });
  await new Promise((resolve) => server.close(resolve));
  if (taken.length < 7) throw new Error(`${openssl} and Node sent ${taken.length} of 7 hellos`);
  return taken;
}

function ended(program: string, argv: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, argv, { stdio: "ignore" });
    child.on("error", reject);
    child.on("exit", () => resolve());
  });
}

function residentBytes(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * 4096, 0);
}

function count(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0);
}

/** The server may still be at the last connections' ends. */
async function settled(pids: readonly number[], wanted: number): Promise<number> {
  for (let look = 0; look < 20 && count(pids) > wanted; look++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  return count(pids);
}
