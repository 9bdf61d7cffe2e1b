import { describe, expect, test } from "vitest";
import { overlaps } from "../../../src/server/index.ts";

describe("addresses that cannot both be listened on", () => {
  test.each([
    ["127.0.0.1:443", "127.0.0.1:443"],
    ["0.0.0.0:443", "127.0.0.1:443"],
    ["0.0.0.0:443", "[::]:443"],
    ["[::]:443", "127.0.0.1:443"],
    ["[::]:443", "[::1]:443"],
    ["[::]:443", "[::0]:443"],
    ["[::0]:443", "[2001:db8::1]:443"],
    ["[2001:DB8:0::1]:443", "[2001:db8::1]:443"],
    ["[fe80::0:1%eth0]:443", "[fe80::1%eth0]:443"],
    ["[::ffff:192.0.2.1]:443", "192.0.2.1:443"],
    ["[::ffff:192.0.2.1]:443", "0.0.0.0:443"],
    ["Web.example:443", "web.example:443"],
    ["0.0.0.0:443", "web.example:443"],
  ])("%s and %s", (a, b) => {
    expect(overlaps(a, b)).toBe(true);
    expect(overlaps(b, a)).toBe(true);
  });
});

describe("addresses that can", () => {
  test.each([
    ["0.0.0.0:443", "[::1]:443"],
    ["0.0.0.0:443", "[2001:db8::1]:443"],
    ["127.0.0.1:443", "[::1]:443"],
    ["127.0.0.1:443", "127.0.0.2:443"],
    ["[::]:443", "[::]:8443"],
    ["[fe80::1%eth0]:443", "[fe80::1%eth1]:443"],
  ])("%s and %s", (a, b) => {
    expect(overlaps(a, b)).toBe(false);
    expect(overlaps(b, a)).toBe(false);
  });
});
