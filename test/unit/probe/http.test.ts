import { describe, expect, it } from "vitest";

import { parseHead, parseHsts, printable } from "../../../src/probe/http/http.ts";
import { DecodeError } from "../../../src/wire/index.ts";

describe("HSTS", () => {
  it.each([
    [
      "max-age=63072000; includeSubDomains; preload",
      { maxAge: 63072000, includeSubdomains: true, preload: true, problems: [] },
    ],
    ['MAX-AGE="300"', { maxAge: 300, includeSubdomains: false, preload: false, problems: [] }],
    ["max-age = 1 ;; includesubdomains", { maxAge: 1, includeSubdomains: true, problems: [] }],
    ["max-age=0", { maxAge: 0, problems: [] }],
    ['max-age=1; future="x y"; other', { maxAge: 1, problems: [] }],
    ["includeSubDomains", { maxAge: null, problems: ["max-age is missing"] }],
    ["max-age=-1", { maxAge: null, problems: ["max-age is not a number: -1"] }],
    ["max-age=1; max-age=2", { maxAge: 1, problems: ["the directive max-age occurs more than once"] }],
    ["max-age=1; (", { maxAge: 1, problems: ["not a directive: ("] }],
    ["", { maxAge: null, problems: ["max-age is missing"] }],
  ])("reads %j", (raw, expected) => {
    expect(parseHsts([raw])).toMatchObject({ present: true, raw, ...expected });
  });

  it("takes the first of several fields and says so", () => {
    expect(parseHsts(["max-age=1", "max-age=2"])).toMatchObject({
      maxAge: 1,
      problems: ["the header occurs more than once"],
    });
    expect(parseHsts([])).toEqual({
      present: false,
      raw: null,
      maxAge: null,
      includeSubdomains: false,
      preload: false,
      problems: [],
      preloadProblems: ["the header is not sent"],
    });
  });

  it("knows what the list of preloaded hosts wants", () => {
    const problems = (raw: string) => parseHsts([raw]).preloadProblems;
    expect(problems("max-age=31536000; includeSubDomains; preload")).toEqual([]);
    expect(problems("max-age=31535999; includeSubDomains; preload")).toEqual(["max-age is below 31536000"]);
    expect(problems("max-age=63072000")).toEqual(["includeSubDomains is missing", "preload is missing"]);
    expect(problems("includeSubDomains; preload")).toEqual(["max-age is missing", "max-age is below 31536000"]);
  });
});

describe("headers that restrict a page", () => {
  const seen = (head: string) =>
    Object.fromEntries(parseHead(`HTTP/1.1 200 OK\r\n${head}`).security.map((header) => [header.name, header]));

  it("are heeded with values that browsers know", () => {
    const good = seen(
      "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nReferrer-Policy: no-referrer, same-origin",
    );
    expect(good["x-content-type-options"]).toEqual({ name: "x-content-type-options", value: "nosniff", problem: null });
    expect(good["x-frame-options"]).toMatchObject({ value: "DENY", problem: null });
    expect(good["referrer-policy"]).toMatchObject({ problem: null });
    expect(good["content-security-policy"]).toMatchObject({ value: null, problem: null });
  });

  it.each([
    ["X-Content-Type-Options: sniff", "x-content-type-options"],
    ["X-Frame-Options: ALLOW-FROM https://example.org", "x-frame-options"],
    ["Referrer-Policy: never", "referrer-policy"],
    ["Cross-Origin-Opener-Policy: self", "cross-origin-opener-policy"],
    ["Content-Security-Policy:", "content-security-policy"],
  ])("are not heeded with %s", (head, name) => {
    expect(seen(head)[name]?.problem).toBe("browsers do not know this value");
  });
});

describe("cookies", () => {
  it("are listed with their attributes and without their values", () => {
    const head = "HTTP/1.1 200 OK\r\nSet-Cookie: id=secret; Secure; HttpOnly; SameSite=Lax\r\nSet-Cookie: theme=dark";
    expect(parseHead(head).cookies).toEqual([
      { name: "id", secure: true, httpOnly: true, sameSite: "Lax" },
      { name: "theme", secure: false, httpOnly: false, sameSite: null },
    ]);
  });
});

describe("the head of a response", () => {
  it("gives status and headers in lower case, joined where they repeat", () => {
    const head =
      "HTTP/1.1 301 Moved\r\nLocation: /x\r\nVary: a\r\nvary: b\r\nStrict-Transport-Security: max-age=5\r\nno colon";
    expect(parseHead(head)).toMatchObject({
      status: 301,
      headers: { location: "/x", vary: "a, b" },
      hsts: { present: true, maxAge: 5 },
    });
  });

  it("does not take the name of a header for a property of objects", () => {
    expect(parseHead("HTTP/1.1 200 OK\r\nconstructor: x").headers["constructor"]).toBe("x");
  });

  it("refuses what is not HTTP", () => {
    expect(() => parseHead("SSH-2.0-x")).toThrow(DecodeError);
    expect(() => parseHead("HTTP/1.1 2000")).toThrow(DecodeError);
  });

  it("shows control characters as escapes", () => {
    expect(parseHead("HTTP/1.1 200 OK\r\nserver: \u001b[31mx").headers["server"]).toBe("\\u{1b}[31mx");
    expect(printable("a\u202eb\u00e9\n")).toBe("a\\u{202e}b\\u{e9}\\u{a}");
  });
});
