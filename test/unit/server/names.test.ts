import { describe, expect, it } from "vitest";
import { answersFor, certificateNames, nameText, namesOf } from "../../../src/server/names.ts";

describe("names of a certificate", () => {
  it("are the wanted ones and the machine's own, each once, in one spelling", () => {
    const names = certificateNames(["WWW.Example.org", "*.example.org", "[2001:DB8:0::1]", "127.0.0.1", "localhost"]);
    expect(names.map(nameText)).toEqual([
      "DNS:www.example.org",
      "DNS:*.example.org",
      "IP:2001:db8::1",
      "IP:127.0.0.1",
      "DNS:localhost",
      "IP:::1",
    ]);
  });

  it("are read back from node's text as they were written", () => {
    const text = "DNS:WWW.example.org, IP Address:127.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1, DNS:localhost";
    expect(namesOf(text)).toEqual(["DNS:localhost", "DNS:www.example.org", "IP:127.0.0.1", "IP:2001:db8::1"]);
    expect(namesOf(undefined)).toEqual([]);
  });

  it.each([
    ["www.example.org", true],
    ["WWW.Example.org", true],
    ["example.org", false],
    ["a.example.net", true],
    ["*.example.net", true],
    ["a.b.example.net", false],
    ["example.net", false],
    ["*.example.org", false],
    ["localhost", false],
  ])("answer for %j: %j", (name, expected) => {
    expect(answersFor(new Set(["DNS:www.example.org", "DNS:*.example.net"]), name)).toBe(expected);
  });

  it.each(["", "a b", "a\nb", "-a", "a..b", "a.*.b", "*", "x".repeat(64), "bücher.example", "DNS:a", "a,IP:1.2.3.4"])(
    "are not %j",
    (name) => {
      expect(() => certificateNames([name])).toThrow(expect.objectContaining({ code: "site-invalid" }));
    },
  );
});
