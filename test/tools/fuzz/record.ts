/** Takes real flights from servers of the fleet: what they answer to hellos of each version. */
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { execa } from "execa";

import { candidateChunks } from "../../../src/probe/suites/candidates.ts";
import { buildHello } from "../../../src/probe/client/hello.ts";
import {
  concat,
  encodeCertificates13,
  encodeExtensions,
  encodeHandshake,
  encodeSsl2ClientHello,
  handshakeTypes,
  uint,
  vector,
} from "../../../src/wire/index.ts";
import { fixtureNamed } from "../fleet/fixtures.ts";
import type { Kind, Seed } from "./seeds.ts";

interface Recorded {
  readonly name: string;
  readonly kind: Kind;
  readonly protocol: Seed["protocol"];
  readonly base64: string;
}

const fixtureFolder = join(import.meta.dirname, "..", "..", "fixtures", "fleet");

/** Writes test/fixtures/fleet/flights.json. */
export async function recordFlights(): Promise<void> {
  const all: Recorded[] = [];
  for (const name of ["node-0.10.28", "node-0.12.13", "openssl", "node", "node-16.20.2"])
    all.push(...(await fromServer(name)));
  all.push(...(await made()));
  await writeFile(join(fixtureFolder, "flights.json"), `${JSON.stringify(all, null, 1)}\n`);
}

async function fromServer(name: string): Promise<Recorded[]> {
  const folder = await mkdtemp(join(tmpdir(), "flights-"));
  const server = await fixtureNamed(name).start(folder);
  const flights: Recorded[] = [];
  const add = async (kind: Kind, protocol: Seed["protocol"], hello: Uint8Array): Promise<void> => {
    const bytes = await answer(server.port, hello);
    if (bytes.length > 0) flights.push({ name, kind, protocol, base64: Buffer.from(bytes).toString("base64") });
  };
  const random = (length: number): Uint8Array => new Uint8Array(length).fill(7);
  try {
    for (const protocol of ["SSLv3", "TLSv1.0", "TLSv1.2", "TLSv1.3"] as const) {
      const plan = { protocol, suites: candidateChunks(protocol)[0] ?? [] };
      await add("flight", protocol, buildHello(plan, { serverName: "localhost", random }).bytes);
      if (protocol === "TLSv1.3")
        await add("flight", protocol, buildHello({ ...plan, shares: [29] }, { serverName: "localhost", random }).bytes);
    }
    if (name === "node-0.10.28") await add("ssl2", "SSLv3", encodeSsl2ClientHello(random(16)));
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
  return flights;
}

async function answer(port: number, hello: Uint8Array): Promise<Uint8Array> {
  const socket = connect(port, "127.0.0.1");
  const parts: Buffer[] = [];
  socket.on("data", (part: Buffer) => parts.push(part));
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write(hello);
  await sleep(500);
  socket.destroy();
  return new Uint8Array(Buffer.concat(parts));
}

/** What no server shows without keys: the messages of TLS 1.3 that are protected, a stapled response, timestamps, the head of an HTTP response. */
async function made(): Promise<Recorded[]> {
  const certificate = new Uint8Array(
    Buffer.from(
      (await readFile(join(fixtureFolder, "rsa.pem"), "utf8")).replaceAll(/-----[^-]+-----|\s/g, ""),
      "base64",
    ),
  );
  const response = await stapledResponse();
  const timestamp = concat(
    uint(1, 0),
    new Uint8Array(32),
    uint(4, 400),
    uint(4, 0),
    vector(2),
    uint(2, 0x0403),
    vector(2, new Uint8Array(70)),
  );
  const timestamps = vector(2, vector(2, timestamp));
  const messages = concat(
    encodeHandshake(
      handshakeTypes.encryptedExtensions,
      encodeExtensions([
        { type: 10, data: vector(2, uint(2, 29), uint(2, 23)) },
        { type: 16, data: vector(2, vector(1, Uint8Array.of(104, 50))) },
      ]),
    ),
    encodeHandshake(
      handshakeTypes.certificate,
      encodeCertificates13([
        {
          certificate,
          extensions: [
            { type: 5, data: concat(uint(1, 1), vector(3, response)) },
            { type: 18, data: timestamps },
          ],
        },
      ]),
    ),
    encodeHandshake(handshakeTypes.certificateVerify, concat(uint(2, 0x0804), vector(2, new Uint8Array(256)))),
    ...[new Uint8Array(0), Uint8Array.of(9)].map((nonce) =>
      encodeHandshake(
        handshakeTypes.newSessionTicket,
        concat(
          uint(4, 7200),
          uint(4, 1),
          vector(1, nonce),
          vector(2, new Uint8Array(80)),
          encodeExtensions([{ type: 42, data: uint(4, 16384) }]),
        ),
      ),
    ),
  );
  const http = Buffer.from(
    "HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=63072000; includeSubDomains; preload\r\nSet-Cookie: a=b; Secure; HttpOnly; SameSite=Lax\r\nContent-Type: text/html; charset=\"utf-8\"\r\nContent-Security-Policy: default-src 'self'\r\n\r\n",
  );
  const made: [string, Kind, Uint8Array][] = [
    ["protected messages", "messages", messages],
    ["an OCSP response", "der", response],
    ["a certificate", "der", certificate],
    ["timestamps", "der", concat(uint(1, 4), vector(1, timestamps))],
    ["an HTTP response", "http", http],
  ];
  return made.map(([name, kind, bytes]) => ({
    name,
    kind,
    protocol: "TLSv1.3",
    base64: Buffer.from(bytes).toString("base64"),
  }));
}

/** A response of OpenSSL's responder for the fleet's own certificate. */
async function stapledResponse(): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), "flights-"));
  const [certificate, key] = [join(fixtureFolder, "rsa.pem"), join(fixtureFolder, "rsa.key")];
  const openssl = (...argv: string[]): Promise<{ stdout: string }> => execa("openssl", argv, { cwd: folder });
  try {
    const serial = (await openssl("x509", "-in", certificate, "-noout", "-serial")).stdout.split("=")[1] ?? "";
    await writeFile(join(folder, "index.txt"), `V\t560101000000Z\t\t${serial}\tunknown\t/CN=localhost\n`);
    await openssl("ocsp", "-issuer", certificate, "-cert", certificate, "-reqout", "request.der", "-no_nonce");
    const responder = ["-index", "index.txt", "-rsigner", certificate, "-rkey", key, "-CA", certificate];
    await openssl("ocsp", ...responder, "-reqin", "request.der", "-respout", "response.der", "-ndays", "30");
    return new Uint8Array(await readFile(join(folder, "response.der")));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
