import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createHttps, globalAgent } from "node:https";
import { createServer as createTcp } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fetchAll } from "../../../src/fetch/index.ts";
import { certificate, key } from "./localhost.ts";
import { names, options, payload, sendBytes, serve, source } from "./support.ts";

const { bytes, sha256 } = payload(200_000);
const half = bytes.length / 2;

/** What a mirror does with a request, and what is said of it. */
interface Mirror {
  readonly answer: (request: IncomingMessage, response: ServerResponse, count: number) => void;
  readonly reason: RegExp;
}

const cut = (response: ServerResponse): void => void setTimeout(() => response.destroy(), 20);

const mirrors: Readonly<Record<string, Mirror>> = {
  "delivers other bytes of the same length": {
    answer: (_request, response) => response.end(payload(bytes.length).bytes),
    reason: /delivered other bytes \(200000\)/,
  },
  "answers with a page": {
    answer: (_request, response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<html>Please log in</html>"),
    reason: /delivered other bytes/,
  },
  "compresses what it sends": {
    answer: (_request, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(bytes)),
    reason: /delivered other bytes/,
  },
  "announces less than it sends": {
    answer: (_request, response) => {
      response.socket?.end(`HTTP/1.1 200 OK\r\ncontent-length: ${half}\r\n\r\n${"x".repeat(bytes.length)}`);
    },
    reason: /delivered other bytes|broke off/,
  },
  "announces more than it sends": {
    answer: (_request, response) => {
      response.writeHead(200, { "content-length": bytes.length + 5 });
      response.write(bytes.subarray(0, -1), () => cut(response));
    },
    reason: /broke off, with \d+ of 200005 bytes kept: /,
  },
  "sends without end": {
    answer: (_request, response) => {
      const pour = (): void => {
        while (!response.destroyed && response.write(bytes));
        response.once("drain", pour);
      };
      pour();
    },
    reason: /longer than the 1 MiB/,
  },
  "says nothing": { answer: () => undefined, reason: /no answer in time/ },
  "stops in the middle": {
    answer: (_request, response) => void response.writeHead(200, { "content-length": bytes.length }).write("x"),
    reason: /next to nothing for 0.3 s/,
  },
  "leads to a file": {
    answer: (_request, response) => response.writeHead(302, { location: "file:///etc/passwd" }).end(),
    reason: /redirect to the scheme file: is refused/,
  },
  "leads to itself": {
    answer: (request, response) => response.writeHead(307, { location: request.url ?? "" }).end(),
    reason: /more than 8 redirects/,
  },
  "leads nowhere": {
    answer: (_request, response) => response.writeHead(302, { location: "http://[" }).end(),
    reason: /not an address/,
  },
  "breaks off and knows no ranges": {
    answer: (_request, response) => {
      response.writeHead(200, { "content-length": bytes.length });
      response.write(bytes.subarray(0, half), () => cut(response));
    },
    reason: /broke off, with \d+ of 200000 bytes kept: /,
  },
  "breaks off, then sends another range": {
    answer: (request, response, count) => {
      if (count === 1) {
        response.writeHead(200, { "content-length": bytes.length });
        response.write(bytes.subarray(0, half), () => cut(response));
        return;
      }
      const range = request.headers.range === undefined ? 0 : half - 1000;
      response.writeHead(206, { "content-range": `bytes ${range}-${bytes.length - 1}/${bytes.length}` });
      response.end(bytes.subarray(range));
    },
    reason: /another range|answered 206/,
  },
  "breaks off, then sends other bytes as the rest": {
    answer: (request, response, count) => {
      if (count === 1) {
        response.writeHead(200, { "content-length": bytes.length });
        response.write(bytes.subarray(0, half), () => cut(response));
        return;
      }
      sendBytes(request, response, payload(bytes.length).bytes);
    },
    reason: /delivered other bytes/,
  },
  "sends a range that nobody asked for": {
    answer: (_request, response) =>
      response.writeHead(206, { "content-range": `bytes 5-9/${bytes.length}` }).end("12345"),
    reason: /another range/,
  },
};

describe("a mirror that", () => {
  it.each(Object.entries(mirrors))("%s is passed over", async (_name, { answer, reason }) => {
    const bad = await serve(answer);
    const good = await serve((request, response) => sendBytes(request, response, bytes));
    const opts = await options({
      mirror: `${bad.base}/store/`,
      limits: { stallSeconds: 0.3, attempts: 2, maxBytes: 1024 * 1024 },
    });
    const [fetched] = await fetchAll([source(sha256, `${good.base}/a`)], opts);
    expect(fetched).toMatchObject({ location: `${good.base}/a`, verified: true });
    expect(await readFile(fetched!.path)).toEqual(bytes);
    expect(await names(opts.cache)).toEqual([sha256]);
    const failed = opts.events.filter((event) => event.type === "location-failed");
    expect(failed).toEqual([
      {
        type: "location-failed",
        source: "thing",
        location: `${bad.base}/store/${sha256}`,
        reason: expect.stringMatching(reason),
      },
    ]);
    expect(bad.seen[0]).toBe(`GET /store/${sha256}`);
  });

  it("says that the bytes of the file itself are packed is believed, as the digest is right", async () => {
    const { base } = await serve((_request, response) =>
      response.writeHead(200, { "content-encoding": "gzip", "content-type": "application/x-tar" }).end(bytes),
    );
    const [fetched] = await fetchAll([source(sha256)], await options({ mirror: base }));
    expect(fetched!.location).toBe(`${base}/${sha256}`);
  });

  it("is asked again for the rest when it breaks off and knows ranges", async () => {
    const { base, seen } = await serve((request, response, count) => {
      if (count > 1) return sendBytes(request, response, bytes);
      response.writeHead(200, { "content-length": bytes.length });
      return response.write(bytes.subarray(0, half), () => cut(response));
    });
    await fetchAll([source(sha256)], await options({ mirror: base }));
    expect(seen).toEqual([`GET /${sha256}`, expect.stringMatching(`^GET /${sha256} bytes=\\d+-$`)]);
  });
});

describe("a mirror with https", () => {
  const before = globalAgent.options.ca;
  beforeAll(() => (globalAgent.options.ca = certificate));
  afterAll(() => (globalAgent.options.ca = before));

  it("may not lead to http, nor to a file, and may lead to https", async () => {
    const plain = await serve((request, response) => sendBytes(request, response, bytes));
    let to = `${plain.base}/a`;
    const server = createHttps({ cert: certificate, key }, (request, response) => {
      if (request.url === "/good") sendBytes(request, response, bytes);
      else response.writeHead(301, { location: to }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const mirror = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const reasonOf = async (): Promise<string | undefined> => {
      const opts = await options({ mirror });
      const [fetched] = await fetchAll([source(sha256, `${plain.base}/b`)], opts);
      expect(await readFile(fetched!.path)).toEqual(bytes);
      return opts.events.flatMap((event) => (event.type === "location-failed" ? [event.reason] : []))[0];
    };
    try {
      expect(await reasonOf()).toContain("redirect from https to http is refused");
      to = "file:///etc/hostname";
      expect(await reasonOf()).toContain("scheme file: is refused");
      expect(plain.seen).toEqual(["GET /b", "GET /b"]);
      to = "/good";
      expect(await reasonOf()).toBeUndefined();
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});

describe("a mirror that cuts the connection or talks nonsense", () => {
  /** In one turn with the head, before anybody has taken the answer: that ended the whole process once. */
  const endings: readonly ((socket: Socket) => void)[] = [
    (socket) => socket.end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
    (socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n12345nonsense"),
    (socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\nx", () => socket.resetAndDestroy()),
    (socket) =>
      socket.write("HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 9\r\n\r\nx", () => socket.resetAndDestroy()),
    (socket) => socket.end("HTTP/1.1 302 Found\r\nlocation: /x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
    (socket) => socket.resetAndDestroy(),
    (socket) => socket.end("nonsense\r\n\r\n"),
    (socket) => socket.end(),
  ];

  it.each(endings.map((ending, index) => [index, ending] as const))(
    "ends nothing but the request (%i)",
    async (_, ending) => {
      const server = createTcp((socket) => {
        socket.on("error", () => undefined);
        socket.once("data", () => ending(socket));
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const good = await serve((request, response) => sendBytes(request, response, bytes));
      const opts = await options({
        mirror: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        limits: { attempts: 3 },
      });
      const others = Array.from({ length: 5 }, () => payload(10).sha256);
      const lost = fetchAll(
        others.map((digest, at) => ({ ...source(digest), name: `other-${at}` })),
        opts,
      ).catch((error: { code: string }) => error.code);
      const [fetched] = await fetchAll([source(sha256, `${good.base}/a`)], opts);
      expect(fetched!.location).toBe(`${good.base}/a`);
      expect(await lost).toMatch(/^source-(unavailable|mismatch)$/);
      server.close();
    },
  );
});
