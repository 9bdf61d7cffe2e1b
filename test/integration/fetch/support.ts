import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach } from "vitest";
import type { ForgeEvent } from "../../../src/events.ts";
import type { FetchOptions } from "../../../src/fetch/index.ts";
import type { Location, Source } from "../../../src/recipe/types.ts";

const cleanups: (() => Promise<unknown> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

/** A fresh folder, removed after the test. */
export async function scratch(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tlsforge-fetch-"));
  cleanups.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** A local HTTP server whose answers the test decides; `seen` lists the requests as `METHOD path range`. */
export async function serve(handler: Handler): Promise<{ base: string; port: number; seen: string[] }> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push([request.method, request.url, request.headers.range].filter((part) => part !== undefined).join(" "));
    response.on("error", () => undefined);
    handler(request, response, seen.length);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { base: `http://127.0.0.1:${port}`, port, seen };
}

/** Answers with `bytes`, honouring a Range header. */
export function sendBytes(request: IncomingMessage, response: ServerResponse, bytes: Buffer): void {
  const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
  if (from > 0)
    response.writeHead(206, {
      "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}`,
      "content-length": bytes.length - from,
    });
  else response.writeHead(200, { "content-length": bytes.length });
  response.end(request.method === "HEAD" ? undefined : bytes.subarray(from));
}

/** Begins to answer with all of `bytes`, sends the first `count`, then cuts the connection. */
export function sendAndCut(response: ServerResponse, bytes: Buffer, count: number): void {
  response.writeHead(200, { "content-length": bytes.length, etag: '"one"' });
  response.write(bytes.subarray(0, count), () => setTimeout(() => response.destroy(), 30));
}

/** Bytes that no test shares, with their digest. */
export function payload(size: number): { bytes: Buffer; sha256: string } {
  const bytes = randomBytes(size);
  return { bytes, sha256: sha256(bytes) };
}

export function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

export function source(digest: string | null, ...locations: (string | Location)[]): Source {
  return {
    name: "thing",
    file: "thing-1.0.tar.gz",
    sha256: digest,
    form: "release",
    unpack: "main",
    locations: locations.map((one) => (typeof one === "string" ? { kind: "url", url: one } : one)),
  };
}

/** Options with a cache of their own and short times; what happened is collected in `events`. */
export async function options(
  changes: Partial<FetchOptions> = {},
): Promise<FetchOptions & { events: ForgeEvent[]; cache: string }> {
  const events: ForgeEvent[] = [];
  const cache = join(await scratch(), "cache");
  return {
    caches: [cache],
    bases: { debian: [], pypi: null },
    offline: false,
    emit: (event) => void events.push(event),
    signal: new AbortController().signal,
    ...changes,
    limits: {
      connectSeconds: 1,
      stallSeconds: 0.5,
      checkSeconds: 1,
      attempts: 3,
      backoffSeconds: 0.01,
      ...changes.limits,
    },
    events,
    cache,
  };
}

/** Names in a folder, empty when it is not there; records of where sources came from are left out. */
export async function names(folder: string): Promise<string[]> {
  const all = await readdir(folder).catch((): string[] => []);
  return all.filter((name) => !/^[0-9a-f]{64}\.origin$/u.test(name)).sort();
}

/** The ForgeError-like thing that a promise rejects with. */
export async function failureOf(
  promise: Promise<unknown>,
): Promise<{ code: string; message: string; details: readonly string[]; hint?: string }> {
  return promise.then(
    () => {
      throw new Error("nothing was thrown");
    },
    (error: { code: string; message: string; details: readonly string[] }) => error,
  );
}
