import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { availability, fetchAll } from "../../../src/fetch/index.ts";
import type { Location } from "../../../src/recipe/types.ts";
import { failureOf, options, payload, sendBytes, serve, source } from "./support.ts";

const wheel: Location = { kind: "pypi", project: "My.Thing_x", file: "my_thing_x-1.0-py3-none-any.whl" };

/** An index of one project, in the form asked for. */
async function index({
  bytes,
  announced,
  html,
}: {
  bytes: Buffer;
  announced: string | null;
  html: boolean;
}): ReturnType<typeof serve> {
  return serve((request, response) => {
    if (request.url === "/simple/my-thing-x/") {
      if (request.headers.accept?.includes("application/vnd.pypi.simple.v1+json") !== true) response.writeHead(406);
      const file = `../../files/${wheel.kind === "pypi" ? wheel.file : ""}`;
      if (html) {
        const fragment = announced === null ? "" : `#sha256=${announced}`;
        response.setHeader("content-type", "text/html");
        response.end(
          `<html><a href="../../files/other">other</a>\n<a data-x="1" href="${file}?a=1&amp;b=2${fragment}" >my_thing_x-1.0-py3-none-any.whl</a></html>`,
        );
      } else {
        response.setHeader("content-type", "application/vnd.pypi.simple.v1+json");
        const hashes = announced === null ? {} : { sha256: announced };
        response.end(
          JSON.stringify({
            files: [
              { filename: "other", url: "x", hashes: {} },
              { filename: "my_thing_x-1.0-py3-none-any.whl", url: `${file}?a=1&b=2`, hashes },
            ],
          }),
        );
      }
    } else if (request.url?.startsWith("/files/") === true) sendBytes(request, response, bytes);
    else response.writeHead(404).end();
  });
}

describe("the Python package index", () => {
  for (const html of [false, true]) {
    it(`delivers a file by its name, ${html ? "HTML" : "JSON"}`, async () => {
      const { bytes, sha256 } = payload(3000);
      const { base, seen } = await index({ bytes, announced: sha256, html });
      const opts = await options({ bases: { debian: [], pypi: `${base}/simple/` } });
      const [fetched] = await fetchAll([source(sha256, wheel)], opts);
      expect(fetched).toMatchObject({
        verified: true,
        location: "Python package index, My.Thing_x/my_thing_x-1.0-py3-none-any.whl",
      });
      expect(seen).toEqual(["GET /simple/my-thing-x/", "GET /files/my_thing_x-1.0-py3-none-any.whl?a=1&b=2"]);
    });

    it(`is not asked for a file whose announced digest is another, ${html ? "HTML" : "JSON"}`, async () => {
      const { bytes, sha256 } = payload(3000);
      const { base, seen } = await index({ bytes, announced: payload(1).sha256, html });
      const error = await failureOf(
        fetchAll([source(sha256, wheel)], await options({ bases: { debian: [], pypi: `${base}/simple` } })),
      );
      expect(error.code).toBe("source-mismatch");
      expect(error.details[0]).toContain("announces other bytes");
      expect(seen).toHaveLength(1);
    });
  }

  it("need not announce a digest, as ours decides", async () => {
    const { bytes, sha256 } = payload(3000);
    const { base } = await index({ bytes, announced: null, html: true });
    const opts = await options({ bases: { debian: [], pypi: `${base}/simple` } });
    expect((await fetchAll([source(sha256, wheel)], opts))[0]!.verified).toBe(true);
  });

  it("is tried again after a server error, and says what it does not list", async () => {
    const { sha256 } = payload(10);
    const { base, seen } = await serve((_request, response, count) => {
      if (count === 1) response.writeHead(502).end();
      else response.setHeader("content-type", "application/json").end('{"files":[]}');
    });
    const error = await failureOf(
      fetchAll([source(sha256, wheel)], await options({ bases: { debian: [], pypi: `${base}/simple` } })),
    );
    expect(seen).toHaveLength(2);
    expect(error.details).toEqual([expect.stringContaining("the index does not list my_thing_x-1.0-py3-none-any.whl")]);
  });
});

describe("availability", () => {
  it("names the first location that has the file, without taking it", async () => {
    const { bytes, sha256 } = payload(1000);
    const { base, seen } = await serve((request, response) => {
      if (request.url === "/b") sendBytes(request, response, bytes);
      else response.writeHead(404).end();
    });
    expect(await availability(source(sha256, `${base}/a`, `${base}/b`), await options())).toEqual({
      state: "available",
      location: { kind: "url", url: `${base}/b` },
    });
    expect(seen).toEqual(["HEAD /a", "HEAD /b"]);
  });

  it("asks with GET where HEAD is not allowed", async () => {
    const { bytes, sha256 } = payload(1000);
    const { base, seen } = await serve((request, response) => {
      if (request.method === "HEAD") response.writeHead(405).end();
      else response.writeHead(206, { "content-range": "bytes 0-0/1000" }).end(bytes.subarray(0, 1));
    });
    expect((await availability(source(sha256, `${base}/a`), await options())).state).toBe("available");
    expect(seen).toEqual(["HEAD /a", "GET /a bytes=0-0"]);
  });

  it("tells a missing file from a network that is down", async () => {
    const { sha256 } = payload(10);
    const { base } = await serve((_request, response) => response.writeHead(404).end());
    const dead = "http://127.0.0.1:1/a";
    expect(await availability(source(sha256, dead, `${base}/a`), await options())).toEqual({
      state: "unavailable",
      reasons: [`${dead}: the host refuses the connection (ECONNREFUSED)`, `${base}/a: answered 404 (not found)`],
    });
    expect(await availability(source(sha256, dead), await options())).toMatchObject({
      state: "unavailable",
      down: true,
    });
  });

  it("does not wait long for a silent host", async () => {
    const { base } = await serve(() => undefined);
    const began = performance.now();
    const answer = await availability(source(payload(1).sha256, `${base}/a`), await options());
    expect(answer).toMatchObject({ state: "unavailable" });
    expect(performance.now() - began).toBeLessThan(2500);
  });

  it("knows the cache, and asks the index by digest", async () => {
    const { bytes, sha256 } = payload(1000);
    const { base } = await index({ bytes, announced: sha256, html: false });
    const opts = await options({ bases: { debian: [], pypi: `${base}/simple` } });
    expect(await availability(source(sha256, wheel), opts)).toEqual({ state: "available", location: wheel });
    expect((await availability(source(payload(1).sha256, wheel), opts)).state).toBe("unavailable");
    await mkdir(opts.cache, { recursive: true });
    await writeFile(join(opts.cache, sha256), bytes);
    expect(await availability(source(sha256, wheel), { ...opts, offline: true })).toEqual({
      state: "cached",
      path: join(opts.cache, sha256),
    });
  });
});
