import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";

import type { Random } from "../../wire/index.ts";
import { decodeAnswer, encodeQuery, type Decoded, type DnsAnswer, type Question } from "./message.ts";

/** How queries are made. */
export interface Resolving {
  /** `ADDRESS`, `ADDRESS:PORT` or `[ADDRESS]:PORT`, as node:dns gives them. */
  readonly servers: readonly string[];
  /** When all is over, by performance.now(). */
  readonly end: number;
  readonly random: Random;
  readonly signal?: AbortSignal | undefined;
}

export type Resolved =
  | { readonly kind: "answer"; readonly answer: DnsAnswer }
  | { readonly kind: "failed"; readonly why: string };

/** For one of the two tries, in milliseconds. */
const tryMs = 950;
/** More resolvers than this are not asked. */
const tries = 2;

/** Asks the first resolver and, where that has no answer, the second one or the first again: by UDP, by TCP where the answer does not fit. Never throws. */
export async function resolve(question: Question, of: Resolving): Promise<Resolved> {
  let edns = true;
  let why = "no resolver is known";
  for (let count = 0; count < tries; count++) {
    const server = of.servers[count] ?? of.servers[0];
    const left = Math.min(tryMs, of.end - performance.now());
    if (server === undefined || left <= 0 || of.signal?.aborted === true) break;
    const decoded = await askOne(question, { ...of, ...readServer(server), end: performance.now() + left, edns });
    if (decoded.kind === "answer" && ["NOERROR", "NXDOMAIN"].includes(decoded.answer.rcode)) return decoded;
    why = whyOf(decoded);
    // RFC 6891, 7: who does not know EDNS says so in this way.
    if (decoded.kind === "answer" && ["FORMERR", "NOTIMP"].includes(decoded.answer.rcode)) edns = false;
  }
  return { kind: "failed", why };
}

/** What one try came to; after `broken` nothing more can come. */
type Tried = Decoded | { readonly kind: "broken"; readonly why: string };

function whyOf(tried: Tried): string {
  if (tried.kind === "answer") return `the resolver answers ${tried.answer.rcode}`;
  return tried.kind === "truncated" ? "the resolver's answer is cut off, by TCP too" : tried.why;
}

interface Asking extends Resolving {
  readonly host: string;
  readonly port: number;
  readonly edns: boolean;
}

async function askOne(question: Question, of: Asking): Promise<Tried> {
  const [high = 0, low = 0] = of.random(2);
  const id = high * 256 + low;
  const query = encodeQuery(question, { id, edns: of.edns });
  const decoded = (bytes: Uint8Array): Decoded => decodeAnswer(bytes, question, id);
  const byUdp = await exchange(of, (told) => askUdp(query, { ...of, decoded, told }));
  return byUdp.kind === "truncated" ? exchange(of, (told) => askTcp(query, { ...of, decoded, told })) : byUdp;
}

interface Told {
  readonly decoded: (bytes: Uint8Array) => Decoded;
  readonly told: (tried: Tried) => void;
}

/** Waits for the first message that is told and does not have to be ignored, until time is up. `begin` gives what closes its socket. */
async function exchange(of: Asking, begin: (told: Told["told"]) => () => void): Promise<Tried> {
  let last: Tried = { kind: "ignore", why: "the resolver does not answer in time" };
  let close = (): void => {};
  let timer: NodeJS.Timeout | undefined;
  let stop = (): void => {};
  try {
    return await new Promise<Tried>((done) => {
      stop = () => done(last);
      timer = setTimeout(stop, Math.max(0, of.end - performance.now()));
      of.signal?.addEventListener("abort", stop, { once: true });
      close = begin((tried) => {
        last = tried;
        if (tried.kind !== "ignore") done(tried);
      });
    });
  } finally {
    clearTimeout(timer);
    of.signal?.removeEventListener("abort", stop);
    close();
  }
}

function broken(why: string): Tried {
  return { kind: "broken", why: `the resolver cannot be reached: ${why}` };
}

function brokenBy(error: NodeJS.ErrnoException): Tried {
  return broken(error.code ?? error.message);
}

/** A connected socket of its own for each query: only the resolver is heard, and the port is another each time (RFC 5452, 9.2). */
function askUdp(query: Uint8Array, { host, port, decoded, told }: Asking & Told): () => void {
  const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
  socket.on("error", (error) => told(brokenBy(error)));
  socket.on("message", (bytes) => told(decoded(bytes)));
  // Not by the callback of connect(), which would also be called for an error, in place of the event.
  socket.on("connect", () => socket.send(query));
  socket.connect(port, host);
  return () => socket.close();
}

/** RFC 1035, 4.2.2: each message with its length before it. The first one is all that is read: on a connection of its own no other is due. */
function askTcp(query: Uint8Array, { host, port, decoded, told }: Asking & Told): () => void {
  const socket = connect({ host, port });
  const arrived = Buffer.alloc(2 + 0xffff);
  let length = 0;
  socket.on("error", (error) => told(brokenBy(error)));
  socket.on("end", () => told(broken("it closed the connection")));
  socket.on("data", (chunk: Buffer) => {
    length += chunk.copy(arrived, length);
    const size = length < 2 ? Infinity : 2 + arrived.readUInt16BE(0);
    if (length < size) return;
    const only = decoded(arrived.subarray(2, size));
    told(only.kind === "ignore" ? { ...only, kind: "broken" } : only);
    socket.destroy();
  });
  socket.on("connect", () => {
    socket.write(Buffer.concat([Buffer.from([query.length >> 8, query.length & 255]), query]));
  });
  return () => void socket.destroy();
}

/** An address with or without a port. */
export function readServer(server: string): { host: string; port: number } {
  const [, bracketed, plain, port] = /^(?:\[(.+)\]|([^:]+))(?::(\d+))?$/.exec(server) ?? [];
  return { host: bracketed ?? plain ?? server, port: port === undefined ? 53 : Number(port) };
}
