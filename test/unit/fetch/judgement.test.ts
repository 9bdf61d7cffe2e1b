import { describe, expect, it } from "vitest";
import { failureOf, statusFailure } from "../../../src/fetch/failures.ts";
import { candidates } from "../../../src/fetch/locations.ts";
import { writeProblem } from "../../../src/fetch/problems.ts";
import { parseHtmlIndex, parseJsonIndex } from "../../../src/fetch/pypi.ts";
import { runOf } from "../../../src/fetch/run.ts";
import { staysInside } from "../../../src/fetch/unpack-members.ts";
import type { Location, Source } from "../../../src/recipe/types.ts";

const digest = "ab".repeat(32);

function source(...locations: Location[]): Source {
  return { name: "n", file: "n.tar.gz", sha256: digest, form: "release", unpack: "main", locations };
}

function coded(code: string, more: object = {}): Error {
  return Object.assign(new Error(`it says ${code}`), { code, ...more });
}

describe("errors of a connection", () => {
  const run = (): ReturnType<typeof runOf> => runOf({ signal: new AbortController().signal });

  it("that say the host is not there end all further requests to it", () => {
    for (const error of [coded("ENOTFOUND"), coded("ECONNREFUSED"), coded("ETIMEDOUT", { event: "connect" })]) {
      const one = run();
      expect(failureOf(error, "h.example", one)).toMatchObject({ retry: false, down: true });
      expect([...one.dead.keys()]).toEqual(["h.example"]);
    }
  });

  it("pass when the host has answered before", () => {
    const one = run();
    one.alive.add("h.example");
    expect(failureOf(coded("ECONNREFUSED"), "h.example", one)).toMatchObject({ retry: true, down: true });
    expect(one.dead.size).toBe(0);
  });

  it("of a name server that may recover are tried once more", () => {
    const one = run();
    expect(failureOf(coded("EAI_AGAIN"), "h.example", one)).toMatchObject({ retry: true });
    expect(failureOf(coded("EAI_AGAIN"), "h.example", one)).toMatchObject({ retry: false, down: true });
  });

  it("within a transfer may pass, those of a certificate do not", () => {
    expect(failureOf(coded("ECONNRESET"), "h.example", run())).toMatchObject({
      retry: true,
      down: false,
      reason: "the connection was cut (ECONNRESET)",
    });
    expect(failureOf(coded("ETIMEDOUT", { event: "response" }), "h.example", run())).toMatchObject({
      retry: true,
      slow: true,
      down: false,
    });
    expect(failureOf(coded("CERT_HAS_EXPIRED"), "h.example", run())).toMatchObject({ retry: false, down: false });
  });

  it.each([
    ["HPE_INVALID_CONSTANT", "what answers there does not speak HTTP (HPE_INVALID_CONSTANT)"],
    ["HPE_CLOSED_CONNECTION", "more came after the end of the answer (HPE_CLOSED_CONNECTION)"],
    ["HPE_INVALID_CHUNK_SIZE", "its answer breaks the rules of HTTP (HPE_INVALID_CHUNK_SIZE)"],
    ["ERR_HTTP_CONTENT_LENGTH_MISMATCH", "another length was announced (ERR_HTTP_CONTENT_LENGTH_MISMATCH)"],
  ])("are told in our own words: %s", (code, reason) => {
    expect(failureOf(coded(code), "h.example", run()).reason).toBe(reason);
  });

  it("are told apart by status", () => {
    expect([404, 403, 410, 451, 501].map((status) => statusFailure(status, null).retry)).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
    expect([408, 425, 429, 500, 502, 503, 504].map((status) => statusFailure(status, null).retry)).toEqual(
      Array.from({ length: 7 }, () => true),
    );
    expect(statusFailure(429, "7")).toMatchObject({ retryAfter: 7 });
    expect(statusFailure(429, "Wed, 21 Oct 2026 07:28:00 GMT")).not.toHaveProperty("retryAfter");
  });
});

describe("errors of the disk", () => {
  it("become what the user can act on; others stay what they are", () => {
    expect(writeProblem(coded("ENOSPC"), "/p")).toMatchObject({ code: "disk-full" });
    expect(writeProblem(coded("EDQUOT"), "/p")).toMatchObject({ code: "disk-full" });
    expect(writeProblem(coded("EROFS"), "/p")).toMatchObject({
      code: "prefix-unusable",
      message: "Cannot write below /p (EROFS)",
    });
    const bug = new TypeError("x");
    expect(writeProblem(bug, "/p")).toBe(bug);
  });
});

describe("locations", () => {
  const bases = { debian: ["http://d.example/debian/"], pypi: "https://i.example/simple" };

  it("become concrete addresses, shown without secrets", () => {
    const list = candidates(
      source(
        { kind: "url", url: "https://u:p@a.example/x?sig=secret" },
        { kind: "debian", path: "/pool/x" },
        { kind: "pypi", project: "A_b.C", file: "f" },
      ),
      { bases, offline: false, mirror: "https://m.example/" },
    );
    expect(list.map((one) => one.text)).toEqual([
      `https://m.example/${digest}`,
      "https://a.example/x",
      "http://d.example/debian/pool/x",
      "Python package index, A_b.C/f",
    ]);
    expect(list.at(-1)).toMatchObject({ kind: "pypi", index: new URL("https://i.example/simple/a-b-c/") });
  });

  it("that cannot be asked here say why", () => {
    const list = candidates(
      source(
        { kind: "debian", path: "p" },
        { kind: "pypi", project: "a", file: "f" },
        { kind: "url", url: "ftp://a.example/x" },
        { kind: "url", url: "not an address" },
      ),
      { bases: { debian: [], pypi: null }, offline: false },
    );
    expect(list.map((one) => (one.kind === "none" ? one.reason : one.kind))).toEqual([
      "no Debian package archive is configured on this machine",
      "no Python package index is known on this machine",
      "the scheme ftp: is not supported",
      "not an address",
    ]);
  });

  it("are not asked with --offline, except for files", () => {
    const list = candidates(
      source(
        { kind: "url", url: "https://a.example/x" },
        { kind: "file", path: "/x" },
        { kind: "url", url: "file:///y" },
      ),
      { bases, offline: true },
    );
    expect(list.map((one) => one.kind)).toEqual(["none", "file", "file"]);
  });
});

describe("pages of an index", () => {
  const base = new URL("https://i.example/simple/a/");

  it("in JSON give names, addresses and digests; what is malformed is left out", () => {
    const page = {
      files: [
        { filename: "f", url: "../../f", hashes: { sha256: digest.toUpperCase() }, provenance: "/integrity/f" },
        { filename: 1, url: "x" },
        null,
        { filename: "g", url: "https://f.example/g" },
      ],
    };
    expect(parseJsonIndex(JSON.stringify(page), base)).toEqual([
      { name: "f", url: "https://i.example/f", sha256: digest, provenance: "https://i.example/integrity/f" },
      { name: "g", url: "https://f.example/g", sha256: null, provenance: null },
    ]);
    expect(parseJsonIndex("{", base)).toMatchObject({ reason: expect.stringContaining("not JSON") });
    expect(parseJsonIndex("[]", base)).toMatchObject({ reason: expect.stringContaining("no list") });
  });

  it("in HTML give the same", () => {
    const page = `<a href='f?x=1&amp;y=2#sha256=${digest}'>f</a><a href="g#md5=00">g</a><a>h</a>`;
    expect(parseHtmlIndex(page, base)).toEqual([
      { name: "f", url: "https://i.example/simple/a/f?x=1&y=2", sha256: digest, provenance: null },
      { name: "g", url: "https://i.example/simple/a/g", sha256: null, provenance: null },
    ]);
  });
});

describe("a link", () => {
  const inside = (path: string, links: Record<string, string>): boolean =>
    staysInside(path, new Map(Object.entries(links)));

  it("is followed as the kernel would", () => {
    expect(inside("a/l", { "a/l": "../b" })).toBe(true);
    expect(inside("a/l", { "a/l": "../../b" })).toBe(false);
    expect(inside("l", { l: "/b" })).toBe(false);
    expect(inside("l", { l: "d/x", d: ".." })).toBe(false);
    expect(inside("l", { l: "d/e/../../x" })).toBe(true);
    expect(inside("l", { l: "d/e/../../x", "d/e": "../f" })).toBe(false);
    expect(inside("l", { l: "m", m: "l" })).toBe(false);
  });
});
