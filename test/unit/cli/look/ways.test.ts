import { describe, expect, it } from "vitest";
import { parseTarget } from "../../../../src/cli/look/targets.ts";
import { parseProxy, portFor } from "../../../../src/cli/look/ways.ts";

describe("proxies", () => {
  it.each([
    ["http://proxy.example:3128", { kind: "http", host: "proxy.example", port: 3128, login: null }],
    ["http://proxy.example", { kind: "http", host: "proxy.example", port: 80, login: null }],
    ["socks5://[::1]:9050", { kind: "socks5", host: "::1", port: 9050, login: null }],
    ["socks5h://a:p%40ss@h/", { kind: "socks5", host: "h", port: 1080, login: { user: "a", password: "p@ss" } }],
  ])("%s", (text, proxy) => expect(parseProxy(text)).toEqual(proxy));

  it.each([
    "proxy.example",
    "https://u:secret@h",
    "ftp://u:secret@h",
    "socks5://",
    "http://u:secret@h/path",
    `http://u:secret${"x".repeat(300)}@h`,
  ])("%s is refused, and no password is shown", (text) => {
    const refused = (): unknown => parseProxy(text);
    expect(refused).toThrow(/the value of --proxy/);
    expect(refused).not.toThrow(/secret/);
  });
});

describe("targets", () => {
  it.each([
    ["a.example", "a.example", 443],
    ["a.example:8443", "a.example", 8443],
    ["https://a.example/", "a.example", 443],
    ["[::1]:25", "::1", 25],
    ["fe80::1%eth0", "fe80::1%eth0", 443],
    ["b\u00fccher.example", "xn--bcher-kva.example", 443],
  ])("%s", (text, host, port) => expect(parseTarget(text)).toEqual({ host, port }));

  it.each([
    [":9443", /names no host/],
    ["..", /is no target$/],
    ["a..b", /is no target$/],
    ["::1:9443", /brackets: \[::1\]:9443 \(or \[::1:9443\]/],
    ["2001:db8::1:443", /brackets: \[2001:db8::1\]:443/],
    ["1:2:3:4:5:6:7:8:443", /brackets: \[1:2:3:4:5:6:7:8\]:443$/],
  ])("%s is refused with the spelling that is wanted", (text, message) =>
    expect(() => parseTarget(text)).toThrow(message),
  );

  it.each(["2001:db8::1", "2001:db8::1:2", "::1"])("%s is an address", (text) =>
    expect(parseTarget(text)).toEqual({ host: text, port: 443 }),
  );

  it("the port of a protocol is its own", () => {
    expect(parseTarget("a.example", portFor("imap"))).toEqual({ host: "a.example", port: 143 });
    expect(portFor(undefined)).toBe(443);
  });
});
