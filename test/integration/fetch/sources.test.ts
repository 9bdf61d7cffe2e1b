import { execFileSync } from "node:child_process";
import { chmod, cp, mkdir, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { closeSync, openSync, writeSync } from "node:fs";
import { createServer, globalAgent } from "node:https";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { execa } from "execa";
import { describe, expect, it } from "vitest";
import { availability, fetchAll } from "../../../src/fetch/index.ts";
import { certificate, key } from "./localhost.ts";
import { failureOf, names, options, payload, scratch, sendBytes, serve, source } from "./support.ts";

const schema = "tlsforge.origin/1";

describe("the cache", () => {
  it("is used without a request", async () => {
    const { bytes, sha256: digest } = payload(1000);
    const opts = await options();
    await mkdir(opts.cache, { recursive: true });
    await writeFile(join(opts.cache, digest), bytes);
    const [fetched] = await fetchAll([source(digest)], opts);
    expect(fetched).toMatchObject({ location: "cache", verified: true, bytes: 1000 });
    expect(opts.events).toEqual([{ type: "fetch-done", source: "thing", location: "cache", bytes: 1000 }]);
  });

  it("remembers where a file came from first, also for other caches; what no record tells is not known", async () => {
    const { bytes, sha256: digest } = payload(1000);
    const { base } = await serve((request, response) => sendBytes(request, response, bytes));
    const opts = await options();
    const record = join(opts.cache, `${digest}.origin`);
    const place = base.replace("//", "//user:secret@");
    const again = async (caches = [opts.cache]): Promise<string | undefined> => {
      const [fetched] = await fetchAll([source(digest)], { ...opts, caches });
      expect(fetched!.location).toBe("cache");
      return fetched!.origin;
    };
    const [first] = await fetchAll([source(digest, `${place}/a`)], opts);
    expect([first!.location, first!.origin]).toEqual([`${base}/a`, undefined]);
    expect(await again()).toBe(`${base}/a`);
    expect(await readFile(record, "utf8")).not.toContain("secret");
    const other = await scratch();
    expect(await again([other, opts.cache])).toBe(`${base}/a`);
    expect(await again([other])).toBe(`${base}/a`);
    const lies = [
      "",
      "{",
      "null",
      "[]",
      '{"location":"x"}',
      "\0",
      JSON.stringify({ schema, location: "red \u001b[31m" }),
    ];
    for (const text of lies) {
      await writeFile(record, text);
      expect([text, await again()]).toEqual([text, undefined]);
    }
    await rm(record);
    expect(await again()).toBeUndefined();
    await mkdir(record);
    expect(await again()).toBeUndefined();
    await rm(record, { recursive: true });
    execFileSync("mkfifo", [record]);
    expect(await again()).toBeUndefined();
  });

  it("is not believed: a damaged file is removed, said and fetched again", async () => {
    const { bytes, sha256: digest } = payload(1000);
    const { base } = await serve((request, response) => sendBytes(request, response, bytes));
    const opts = await options();
    await mkdir(opts.cache, { recursive: true });
    await writeFile(join(opts.cache, digest), Buffer.concat([bytes.subarray(1), Buffer.from("x")]));
    const [fetched] = await fetchAll([source(digest, `${base}/a`)], opts);
    expect(await readFile(fetched!.path)).toEqual(bytes);
    expect(fetched!.location).toBe(`${base}/a`);
    expect(opts.events[0]).toMatchObject({ type: "warning", message: expect.stringContaining("damaged") });
  });

  it.each<[string, string, (place: string) => Promise<unknown>, string]>([
    [
      "a folder",
      "EISDIR",
      (place) => mkdir(join(place, "in", "it"), { recursive: true }),
      "removed, fetching it again",
    ],
    // The kernel's answer for a page that is not there is what a bad sector gives.
    ["a bad sector", "EIO", (place) => symlink("/proc/self/mem", place), "fetching it again"],
    ["a loop of links", "ELOOP", (place) => symlink(place, place), "fetching it again"],
  ])("%s in the place of a file is said and fetched anew", async (_what, code, spoil, done) => {
    const { bytes, sha256: digest } = payload(1000);
    const { base } = await serve((request, response) => sendBytes(request, response, bytes));
    const opts = await options();
    await mkdir(opts.cache, { recursive: true });
    await spoil(join(opts.cache, digest));
    const [fetched] = await fetchAll([source(digest, `${base}/a`)], opts);
    expect(await readFile(fetched!.path)).toEqual(bytes);
    expect(fetched!.location).toBe(`${base}/a`);
    expect(opts.events[0]).toMatchObject({
      type: "warning",
      message: expect.stringMatching(new RegExp(`cannot be read \\(${code}\\) \\(.*\\): ${done}$`, "u")),
    });
  });

  it("keeps what cannot be read until something takes its place", async () => {
    const { sha256: digest } = payload(1000);
    const opts = await options();
    await mkdir(opts.cache, { recursive: true });
    await symlink("/proc/self/mem", join(opts.cache, digest));
    expect((await failureOf(fetchAll([source(digest)], opts))).code).toBe("source-unavailable");
    expect(await names(opts.cache)).toContain(digest);
  });

  it("loses nothing when this process can open no file more", async () => {
    const { bytes, sha256: digest } = payload(1000);
    const cache = await scratch();
    await writeFile(join(cache, digest), bytes);
    const child = new URL("./lacking-child.ts", import.meta.url).pathname;
    const script = 'ulimit -n 256; exec "$@"';
    const { stdout } = await execa("sh", ["-c", script, "sh", process.execPath, child, cache, digest]);
    expect([stdout, await names(cache)]).toEqual(["EMFILE", [digest]]);
  });

  it("is not held up by a pipe in the place of a file", async () => {
    const { bytes, sha256: digest } = payload(1000);
    const { base } = await serve((request, response) => sendBytes(request, response, bytes));
    const opts = await options();
    await mkdir(opts.cache, { recursive: true });
    execFileSync("mkfifo", [join(opts.cache, digest)]);
    const [fetched] = await fetchAll([source(digest, `${base}/a`)], opts);
    expect(await readFile(fetched!.path)).toEqual(bytes);
  });

  it("is not held up by a device in the place of a file, nor deaf to the signal while it reads", async () => {
    const { sha256: digest } = payload(1000);
    const opts = await options();
    await mkdir(opts.cache, { recursive: true });
    await symlink("/dev/zero", join(opts.cache, digest));
    expect((await failureOf(fetchAll([source(digest)], opts))).code).toBe("source-unavailable");
    expect(opts.events[0]).toMatchObject({ message: expect.stringContaining("is damaged") as string });
    const large = join(await scratch(), "large");
    await writeFile(large, "x");
    await truncate(large, 2 ** 40);
    await symlink(large, join(opts.cache, digest));
    const stopped = { ...opts, signal: AbortSignal.timeout(100) };
    for (const ask of [
      () => fetchAll([source(digest)], stopped),
      () => fetchAll([source(digest)], { ...stopped, overrides: { thing: large } }),
      () => availability(source(digest), stopped),
    ])
      expect((await failureOf(ask())).code).toBe("interrupted");
    expect(await names(opts.cache)).toContain(digest);
  });

  it("takes from further caches, which stay as they are", async () => {
    const good = payload(1000);
    const bad = payload(1000);
    const second = await scratch();
    await writeFile(join(second, good.sha256), good.bytes);
    await writeFile(join(second, bad.sha256), "damaged");
    const opts = await options();
    const both = { ...opts, caches: [opts.cache, second] };
    const [fetched] = await fetchAll([source(good.sha256)], both);
    expect(fetched!.path).toBe(join(opts.cache, good.sha256));
    await failureOf(fetchAll([source(bad.sha256)], both));
    expect(await names(second)).toEqual([good.sha256, bad.sha256].sort());
    expect(opts.events.filter((event) => event.type === "warning")).toHaveLength(1);
  });

  it("is filled once when two runs want the same file", async () => {
    const { bytes, sha256: digest } = payload(400_000);
    const { base, seen } = await serve((_request, response) => {
      response.writeHead(200, { "content-length": bytes.length });
      response.write(bytes.subarray(0, 200_000));
      setTimeout(() => response.end(bytes.subarray(200_000)), 3000);
    });
    const opts = await options({ limits: { stallSeconds: 10 } });
    const first = fetchAll([source(digest, `${base}/a`)], opts);
    await expect.poll(() => names(opts.cache)).toContain(`${digest}.part`);
    const second = await fetchAll([source(digest, `${base}/a`)], { ...opts, signal: new AbortController().signal });
    expect((await first)[0]!.location).toBe(`${base}/a`);
    expect(second[0]!.location).toBe("cache");
    expect(seen).toEqual(["GET /a"]);
    expect(opts.events).toContainEqual({ type: "notice", message: "Another run is fetching thing: waiting for it" });
  });

  it("does not take a file that reads back differently from what arrived", async () => {
    const { bytes, sha256: digest } = payload(200_000);
    const opts = await options();
    const { base } = await serve((request, response, count) => {
      if (count > 1) return sendBytes(request, response, bytes);
      response.writeHead(200, { "content-length": bytes.length });
      response.write(bytes.subarray(0, 100_000));
      setTimeout(() => {
        // Another program writes into the file under way.
        const handle = openSync(join(opts.cache, `${digest}.part`), "r+");
        writeSync(handle, "garbage", 10);
        closeSync(handle);
        response.end(bytes.subarray(100_000));
      }, 200);
      return undefined;
    });
    const error = await failureOf(fetchAll([source(digest, `${base}/a`)], opts));
    expect(error).toMatchObject({
      code: "source-mismatch",
      message: expect.stringContaining("reads back differently"),
    });
    expect(await names(opts.cache)).not.toContain(digest);
    expect((await fetchAll([source(digest, `${base}/a`)], opts))[0]!.verified).toBe(true);
  });

  it("that cannot be written is named", async () => {
    const { bytes, sha256: digest } = payload(10);
    const { base } = await serve((request, response) => sendBytes(request, response, bytes));
    const file = join(await scratch(), "a-file");
    await writeFile(file, "");
    const opts = await options({ caches: [join(file, "cache")] });
    expect(await failureOf(fetchAll([source(digest, `${base}/a`)], opts))).toMatchObject({
      code: "prefix-unusable",
      message: expect.stringContaining(file),
    });
  });
});

describe("several sources", () => {
  it("come at the same time, the same file once, in the order asked", async () => {
    const files = new Map(Array.from({ length: 9 }, (_, index) => [`/${index}`, payload(1000 + index)]));
    let open = 0;
    let most = 0;
    const { base, seen } = await serve((request, response) => {
      most = Math.max(most, ++open);
      setTimeout(() => {
        open--;
        sendBytes(request, response, files.get(request.url!)!.bytes);
      }, 50);
    });
    const wanted = [...files, ...files].map(([path, { sha256: digest }], index) => ({
      ...source(digest, base + path),
      name: `n${index}`,
    }));
    const opts = await options();
    const fetched = await fetchAll(wanted, opts);
    expect(fetched.map((one) => one.source.name)).toEqual(wanted.map((one) => one.name));
    expect(fetched.map((one) => one.sha256)).toEqual(wanted.map((one) => one.sha256));
    expect(seen).toHaveLength(9);
    expect(opts.events.filter((event) => event.type === "notice")).toEqual([]);
    expect(most).toBe(6);
  });

  it("are all named when they cannot be had; the others are kept", async () => {
    const good = payload(1000);
    const { base } = await serve((request, response) => {
      if (request.url === "/good") sendBytes(request, response, good.bytes);
      else response.writeHead(404).end();
    });
    const opts = await options();
    const list = ["one", "two"].map((name) => ({ ...source(payload(5).sha256, `${base}/${name}`), name }));
    const error = await failureOf(fetchAll([...list, { ...source(good.sha256, `${base}/good`), name: "three" }], opts));
    expect(error).toMatchObject({ code: "source-unavailable", message: "2 of 3 sources cannot be had: one, two" });
    expect(error.details.join("\n")).toContain(`${base}/two: answered 404 (not found)`);
    expect(await names(opts.cache)).toEqual([good.sha256]);
  });
});

describe("locations", () => {
  it("are tried in the order mirror, then the recipe's; each Debian base in turn", async () => {
    const { bytes, sha256: digest } = payload(1000);
    const { base, seen } = await serve((request, response) => {
      if (request.url === "/second/pool/t.tar.gz") sendBytes(request, response, bytes);
      else response.writeHead(404).end();
    });
    const opts = await options({
      mirror: `${base}/mirror/`,
      bases: { debian: [`${base}/first`, `${base}/second`], pypi: null },
    });
    const [fetched] = await fetchAll(
      [source(digest, `${base}/up`, { kind: "mirror", url: `${base}/m2` }, { kind: "debian", path: "pool/t.tar.gz" })],
      opts,
    );
    expect(seen).toEqual([
      `GET /mirror/${digest}`,
      "GET /up",
      `GET /m2/${digest}`,
      "GET /first/pool/t.tar.gz",
      "GET /second/pool/t.tar.gz",
    ]);
    expect(fetched!.location).toBe(`${base}/second/pool/t.tar.gz`);
  });

  it("may be files and folders of files, also with --offline, which opens no socket", async () => {
    const { bytes, sha256: digest } = payload(1000);
    const { base, seen } = await serve((request, response) => sendBytes(request, response, bytes));
    const folder = await scratch();
    const opts = await options({ offline: true, mirror: pathToFileURL(folder).href });
    const error = await failureOf(
      fetchAll([source(digest, `${base}/a`, { kind: "file", path: join(folder, "thing") })], opts),
    );
    expect(error.details).toEqual([
      expect.stringContaining("no such file"),
      `${base}/a: not asked, because of --offline`,
      `${join(folder, "thing")}: no such file`,
    ]);
    await writeFile(join(folder, "thing"), "wrong");
    expect(
      await failureOf(fetchAll([source(digest, { kind: "file", path: join(folder, "thing") })], opts)),
    ).toMatchObject({ code: "source-mismatch" });
    await writeFile(join(folder, digest), bytes);
    expect((await fetchAll([source(digest, `${base}/a`)], opts))[0]!.verified).toBe(true);
    expect(seen).toEqual([]);
  });

  it("of https may not lead to http", async () => {
    const { bytes, sha256: digest } = payload(1000);
    const plain = await serve((request, response) => sendBytes(request, response, bytes));
    const server = createServer({ cert: certificate, key }, (request, response) => {
      if (request.url === "/good") sendBytes(request, response, bytes);
      else response.writeHead(302, { location: `${plain.base}/a` }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const secure = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const before = globalAgent.options.ca;
    try {
      expect((await failureOf(fetchAll([source(digest, `${secure}/good`)], await options()))).details[0]).toMatch(
        /self.signed certificate/i,
      );
      globalAgent.options.ca = certificate;
      const error = await failureOf(fetchAll([source(digest, `${secure}/bad`)], await options()));
      expect(error.details).toEqual([`${secure}/bad: a redirect from https to http is refused (${plain.base}/a)`]);
      expect(plain.seen).toEqual([]);
      expect((await fetchAll([source(digest, `${secure}/good`)], await options()))[0]!.verified).toBe(true);
      const up = await serve((_request, response) => response.writeHead(301, { location: `${secure}/good` }).end());
      expect((await fetchAll([source(digest, `${up.base}/up`)], await options()))[0]!.verified).toBe(true);
    } finally {
      globalAgent.options.ca = before;
      server.closeAllConnections();
      server.close();
    }
  });

  it("that accept a connection and say nothing cost their time-out once", async () => {
    const silent = createTcpServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const address = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const opts = await options();
    const began = performance.now();
    const error = await failureOf(fetchAll([source(payload(1).sha256, `${address}/a`, `${address}/b`)], opts));
    silent.close();
    expect(performance.now() - began).toBeLessThan(2500);
    expect(error.details[0]).toMatch(/\/a: no connection to 127\.0\.0\.1:\d+ in time$/);
    expect(error.details[1]).toMatch(/in time, found earlier in this run$/);
  });

  it("are reached through the proxy of the environment", async () => {
    const { bytes, sha256: digest } = payload(1000);
    const proxy = await serve((request, response) => sendBytes(request, response, bytes));
    await fetchAll(
      [source(digest, "http://somewhere.invalid/a")],
      await options({ environment: { HTTP_PROXY: proxy.base } }),
    );
    expect(proxy.seen).toEqual(["GET http://somewhere.invalid/a"]);
  });
});

describe("the user's own source", () => {
  it("is hashed, and verified only when it is the recipe's file", async () => {
    const { bytes, sha256: digest } = payload(1000);
    const file = join(await scratch(), "own.tar.gz");
    await writeFile(file, bytes);
    const opts = { ...(await options()), overrides: { thing: file } };
    expect((await fetchAll([source(digest)], opts))[0]).toMatchObject({
      path: file,
      location: "user",
      sha256: digest,
      verified: true,
    });
    expect((await fetchAll([source(payload(1).sha256)], opts))[0]).toMatchObject({ sha256: digest, verified: false });
    expect((await fetchAll([source(null)], opts))[0]).toMatchObject({ sha256: digest, verified: false, bytes: 1000 });
  });

  it("may be a folder, whose digest tells content, names, kinds and modes, not times", async () => {
    const parent = await scratch();
    const folder = join(parent, "a");
    await mkdir(join(folder, "src"), { recursive: true });
    await writeFile(join(folder, "src/x.c"), "int x;");
    await symlink("src/x.c", join(folder, "link"));
    const digestOf = async (path: string): Promise<string> =>
      (await fetchAll([source(null)], { ...(await options()), overrides: { thing: path } }))[0]!.sha256;
    const first = await digestOf(folder);
    const copy = join(parent, "b");
    await cp(folder, copy, { recursive: true, verbatimSymlinks: true });
    expect(await digestOf(copy)).toBe(first);
    await chmod(join(copy, "src/x.c"), 0o755);
    const second = await digestOf(copy);
    await writeFile(join(copy, "src/x.c"), "int y;");
    const third = await digestOf(copy);
    await writeFile(join(copy, "src/z.c"), "");
    expect(new Set([first, second, third, await digestOf(copy)]).size).toBe(4);
  });

  it("that is not there is named", async () => {
    const path = join(await scratch(), "absent");
    const error = await failureOf(fetchAll([source(null)], { ...(await options()), overrides: { thing: path } }));
    expect(error).toMatchObject({ code: "source-unavailable", message: expect.stringContaining(path) });
  });
});
