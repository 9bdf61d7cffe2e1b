import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fetchAll } from "../../../src/fetch/index.ts";
import { failureOf, names, options, payload, sendAndCut, sendBytes, serve, source } from "./support.ts";

describe("a download", () => {
  it("ends in the cache under its digest, with events", async () => {
    const { bytes, sha256 } = payload(300_000);
    const { base } = await serve((request, response) => sendBytes(request, response, bytes));
    const opts = await options();
    const [fetched] = await fetchAll([source(sha256, `${base}/a`)], opts);
    expect(fetched).toMatchObject({
      path: join(opts.cache, sha256),
      location: `${base}/a`,
      sha256,
      verified: true,
      bytes: 300_000,
    });
    expect(await readFile(fetched!.path)).toEqual(bytes);
    expect(await names(opts.cache)).toEqual([sha256]);
    expect(opts.events.at(0)).toMatchObject({ type: "fetch-start", total: 300_000 });
    expect(opts.events.at(-1)).toMatchObject({ type: "fetch-done", bytes: 300_000 });
  });

  it("continues after a connection was cut", async () => {
    const { bytes, sha256 } = payload(200_000);
    const validators: unknown[] = [];
    const { base, seen } = await serve((request, response, count) => {
      if (count === 1) sendAndCut(response, bytes, 120_000);
      else {
        validators.push(request.headers["if-range"]);
        sendBytes(request, response, bytes);
      }
    });
    const opts = await options();
    const [fetched] = await fetchAll([source(sha256, `${base}/a`)], opts);
    expect(await readFile(fetched!.path)).toEqual(bytes);
    expect(seen).toEqual(["GET /a", "GET /a bytes=120000-"]);
    expect(validators).toEqual(['"one"']);
    expect(opts.events.filter((event) => event.type === "fetch-retry")).toHaveLength(1);
  });

  it("continues what an earlier run left, at another location too", async () => {
    const { bytes, sha256 } = payload(200_000);
    const opts = await options();
    const first = await serve((_request, response) => sendAndCut(response, bytes, 50_000));
    await failureOf(
      fetchAll([source(sha256, `${first.base}/a`)], { ...opts, limits: { ...opts.limits, attempts: 1 } }),
    );
    expect(await names(opts.cache)).toEqual([`${sha256}.part`, `${sha256}.part.origin`]);
    const second = await serve((request, response) => sendBytes(request, response, bytes));
    await fetchAll([source(sha256, `${second.base}/b`)], opts);
    expect(second.seen).toEqual(["GET /b bytes=50000-"]);
    expect(await names(opts.cache)).toEqual([sha256]);
  });

  it("leaves no address beside what an earlier run left, and a note that only its owner reads", async () => {
    const { bytes, sha256 } = payload(200_000);
    const opts = await options();
    const { base } = await serve((request, response, count) => {
      if (count === 1) sendAndCut(response, bytes, 50_000);
      else sendBytes(request, response, bytes);
    });
    const address = `${base.replace("://", "://user:hidden@")}/a?token=hidden`;
    const once = { ...opts, limits: { ...opts.limits, attempts: 1 } };
    const note = join(opts.cache, `${sha256}.part.origin`);
    await mkdir(opts.cache, { recursive: true });
    await writeFile(note, JSON.stringify({ url: address, validator: '"old"' }), { mode: 0o644 });
    await failureOf(fetchAll([source(sha256, address)], once));
    expect(await readFile(note, "utf8")).toMatch(/^\{"address":"[0-9a-f]{64}","validator":"\\"one\\""\}$/u);
    expect((await stat(note)).mode & 0o777).toBe(0o600);
    const [fetched] = await fetchAll([source(sha256, address)], opts);
    expect(await readFile(fetched!.path)).toEqual(bytes);
  });

  it("starts again when the server ignores the range", async () => {
    const { bytes, sha256 } = payload(100_000);
    const { base, seen } = await serve((_request, response, count) => {
      if (count === 1) return sendAndCut(response, bytes, 40_000);
      response.writeHead(200, { "content-length": bytes.length });
      return response.end(bytes);
    });
    const [fetched] = await fetchAll([source(sha256, `${base}/a`)], await options());
    expect(await readFile(fetched!.path)).toEqual(bytes);
    expect(seen).toEqual(["GET /a", "GET /a bytes=40000-"]);
  });

  it("starts again when what was there before does not fit", async () => {
    const { bytes, sha256 } = payload(100_000);
    const { base, seen } = await serve((request, response) => sendBytes(request, response, bytes));
    const opts = await options();
    await mkdir(opts.cache, { recursive: true });
    await writeFile(join(opts.cache, `${sha256}.part`), Buffer.alloc(10_000));
    const [fetched] = await fetchAll([source(sha256, `${base}/a`)], opts);
    expect(await readFile(fetched!.path)).toEqual(bytes);
    expect(seen).toEqual(["GET /a bytes=10000-", "GET /a"]);
  });

  it("starts again when a part is longer than the file", async () => {
    const { bytes, sha256 } = payload(1000);
    const { base, seen } = await serve((request, response) => {
      if (request.headers.range !== undefined) response.writeHead(416).end();
      else sendBytes(request, response, bytes);
    });
    const opts = await options();
    await mkdir(opts.cache, { recursive: true });
    await writeFile(join(opts.cache, `${sha256}.part`), Buffer.alloc(5000));
    await fetchAll([source(sha256, `${base}/a`)], opts);
    expect(seen).toEqual(["GET /a bytes=5000-", "GET /a"]);
  });

  it("is tried again after a server error and not after 404", async () => {
    const { bytes, sha256 } = payload(1000);
    const { base, seen } = await serve((request, response, count) => {
      if (request.url === "/gone") response.writeHead(404).end("no");
      else if (count < 3) response.writeHead(count === 1 ? 404 : 500).end();
      else sendBytes(request, response, bytes);
    });
    const opts = await options();
    const [fetched] = await fetchAll([source(sha256, `${base}/gone`, `${base}/a`)], opts);
    expect(seen).toEqual(["GET /gone", "GET /a", "GET /a"]);
    expect(fetched!.location).toBe(`${base}/a`);
    expect(opts.events.find((event) => event.type === "location-failed")).toMatchObject({
      location: `${base}/gone`,
      reason: "answered 404 (not found)",
    });
  });

  it("gives up after a bounded number of tries", async () => {
    const { sha256 } = payload(10);
    const { base, seen } = await serve((_request, response) => response.writeHead(503).end());
    const error = await failureOf(fetchAll([source(sha256, `${base}/a`)], await options()));
    expect(error).toMatchObject({ code: "source-unavailable", details: [`${base}/a: answered 503 (unavailable)`] });
    expect(seen).toHaveLength(3);
  });
});

describe("a hostile or broken server", () => {
  it("cannot deliver other bytes", async () => {
    const { sha256 } = payload(10);
    const other = payload(5000);
    const { base, seen } = await serve((request, response) => sendBytes(request, response, other.bytes));
    const opts = await options();
    const error = await failureOf(fetchAll([source(sha256, `${base}/a`)], opts));
    expect(error.code).toBe("source-mismatch");
    expect(error.message).toContain(sha256);
    expect(error.message).toContain(other.sha256);
    expect(seen).toHaveLength(1);
    expect(await names(opts.cache)).toEqual([]);
  });

  it("is passed over for one that delivers", async () => {
    const { bytes, sha256 } = payload(5000);
    const bad = await serve((request, response) => sendBytes(request, response, Buffer.from("other")));
    const good = await serve((request, response) => sendBytes(request, response, bytes));
    const [fetched] = await fetchAll([source(sha256, `${bad.base}/a`, `${good.base}/a`)], await options());
    expect(fetched!.location).toBe(`${good.base}/a`);
  });

  it("cannot send endless bytes, announced or not", async () => {
    const { sha256 } = payload(10);
    const block = Buffer.alloc(64 * 1024);
    const { base } = await serve((request, response) => {
      if (request.url === "/announced") response.writeHead(200, { "content-length": 1e12 });
      const pour = (): void => {
        while (!response.destroyed && response.write(block));
        response.once("drain", pour);
      };
      pour();
    });
    const opts = await options({ limits: { maxBytes: 2 * 1024 * 1024 } });
    const error = await failureOf(fetchAll([source(sha256, `${base}/endless`, `${base}/announced`)], opts));
    expect(error.details).toEqual([
      `${base}/endless: is longer than the 2 MiB that are taken at most`,
      `${base}/announced: is longer than the 2 MiB that are taken at most`,
    ]);
    expect(await names(opts.cache)).toEqual([]);
  });

  it("cannot hold a run by silence, before or within the answer, nor by trickling", async () => {
    const { sha256 } = payload(10);
    const { base } = await serve((request, response) => {
      if (request.url === "/silent") return;
      response.writeHead(200, { "content-length": 1_000_000 });
      response.write("x");
      if (request.url === "/trickle") {
        const timer = setInterval(() => response.write("x"), 50);
        response.on("close", () => clearInterval(timer));
      }
    });
    const began = performance.now();
    const error = await failureOf(
      fetchAll([source(sha256, `${base}/silent`, `${base}/stall`, `${base}/trickle`)], await options()),
    );
    expect(performance.now() - began).toBeLessThan(8000);
    expect(error.code).toBe("source-unavailable");
    expect(error.details[0]).toContain("no answer in time");
    expect(error.details[1]).toContain("sent next to nothing for 0.5 s");
    expect(error.details[2]).toContain("sent next to nothing for 0.5 s");
  });

  it("cannot pass off a shorter body as the whole", async () => {
    const { bytes, sha256 } = payload(5000);
    const { base } = await serve((_request, response) => sendAndCut(response, bytes, 2000));
    const opts = await options();
    const error = await failureOf(fetchAll([source(sha256, `${base}/a`)], opts));
    expect(error.code).toBe("source-unavailable");
    expect(error.details[0]).toContain("of 5000 bytes");
    expect(await names(opts.cache)).not.toContain(sha256);
  });

  it("cannot redirect to a file, nor in circles", async () => {
    const { sha256 } = payload(10);
    const { base, seen } = await serve((request, response) => {
      response.writeHead(302, { location: request.url === "/file" ? "file:///etc/passwd" : "/round" }).end();
    });
    const error = await failureOf(fetchAll([source(sha256, `${base}/file`, `${base}/round`)], await options()));
    expect(error.details).toEqual([
      `${base}/file: a redirect to the scheme file: is refused`,
      `${base}/round: more than 8 redirects`,
    ]);
    expect(seen.length).toBeLessThan(12);
  });

  it("may redirect to another place of the same scheme", async () => {
    const { bytes, sha256 } = payload(1000);
    const target = await serve((request, response) => sendBytes(request, response, bytes));
    const { base } = await serve((_request, response) =>
      response.writeHead(302, { location: `${target.base}/b?token=1` }).end(),
    );
    const [fetched] = await fetchAll([source(sha256, `${base}/a`)], await options());
    expect(fetched!.location).toBe(`${base}/a`);
  });

  it("gets the user and password of the address, and no other host does", async () => {
    const { bytes, sha256 } = payload(1000);
    const asked: (string | undefined)[] = [];
    const target = await serve((request, response) => {
      asked.push(request.headers.authorization);
      sendBytes(request, response, bytes);
    });
    const { port } = await serve((request, response) => {
      asked.push(request.headers.authorization);
      response.writeHead(302, { location: `${target.base}/b` }).end();
    });
    const [fetched] = await fetchAll(
      [source(sha256, `http://me:secret@127.0.0.1:${port}/a?key=secret`)],
      await options(),
    );
    expect(asked).toEqual([`Basic ${Buffer.from("me:secret").toString("base64")}`, undefined]);
    expect(fetched!.location).toBe(`http://127.0.0.1:${port}/a`);
  });
});

describe("a host that cannot be reached", () => {
  it("costs one try in a run", async () => {
    const { bytes, sha256 } = payload(1000);
    const { base } = await serve((request, response) => sendBytes(request, response, bytes));
    const opts = await options();
    const dead = "http://127.0.0.1:1";
    await fetchAll([source(sha256, `${dead}/a`, `${base}/a`)], opts);
    const error = await failureOf(fetchAll([source(payload(1).sha256, `${dead}/b`)], opts));
    expect(opts.events.filter((event) => event.type === "fetch-retry")).toEqual([]);
    expect(error.details).toEqual([
      `${dead}/b: the host refuses the connection (ECONNREFUSED), found earlier in this run`,
    ]);
  });

  it("costs little when its name does not exist", async () => {
    const began = performance.now();
    const error = await failureOf(fetchAll([source(payload(1).sha256, "https://nowhere.invalid/a")], await options()));
    expect(error.code).toBe("source-unavailable");
    expect(error.hint).toContain("--mirror");
    expect(performance.now() - began).toBeLessThan(4000);
  });
});

describe("an interruption", () => {
  it("ends the download and keeps what has come", async () => {
    const { bytes, sha256 } = payload(500_000);
    const stop = new AbortController();
    const { base } = await serve((_request, response) => {
      response.writeHead(200, { "content-length": bytes.length });
      response.write(bytes.subarray(0, 100_000));
      setTimeout(() => stop.abort(), 100);
    });
    const opts = await options({ signal: stop.signal, limits: { stallSeconds: 20 } });
    const error = await failureOf(fetchAll([source(sha256, `${base}/a`)], opts));
    expect(error.code).toBe("interrupted");
    expect(await names(opts.cache)).toContain(`${sha256}.part`);
    const again = await serve((request, response) => sendBytes(request, response, bytes));
    await fetchAll([source(sha256, `${again.base}/a`)], { ...opts, signal: new AbortController().signal });
    expect(again.seen).toEqual(["GET /a bytes=100000-"]);
  });
});
