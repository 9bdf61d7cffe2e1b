import { createHash } from "node:crypto";

import { decode, encode } from "dns-packet";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { readHttpsRecord } from "../../../src/probe/dns/https-record.ts";
import { decodeAnswer, encodeQuery } from "../../../src/probe/dns/message.ts";
import { readServer } from "../../../src/probe/dns/resolver.ts";
import { compareWith } from "../../../src/probe/dns/tlsa.ts";
import { alternativeIn, http3Of, readVersions, versionQuestion } from "../../../src/probe/http/http3.ts";
import { DecodeError } from "../../../src/wire/index.ts";
import { make, makeKeys, type Keys } from "./made.ts";

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, "hex"));
const question = { name: "example.org", type: "CAA" } as const;

describe("messages of the DNS", () => {
  it("want recursion, and to know whether the answer was verified", () => {
    const query = decode(Buffer.from(encodeQuery(question, { id: 7, edns: true })));
    expect(query).toMatchObject({ id: 7, flag_rd: true, flag_ad: true, questions: [{ name: "example.org" }] });
    expect(query.additionals).toMatchObject([{ type: "OPT", flag_do: true, udpPayloadSize: 1232 }]);
    expect(decode(Buffer.from(encodeQuery(question, { id: 7, edns: false }))).additionals).toEqual([]);
  });

  it("ask for HTTPS by its number", () => {
    const query = encodeQuery({ name: "a", type: "HTTPS" }, { id: 0, edns: false });
    expect(Buffer.from(query).toString("hex")).toMatch(/016100004100 ?01$/);
  });

  it("are for the question, whatever the case of its name", () => {
    const reply = (name: string, owner: string): Uint8Array =>
      encode({
        type: "response",
        id: 7,
        questions: [{ name, type: "CAA" }],
        answers: [{ name: owner, type: "CAA", data: { tag: "issue", value: "a" } }],
      });
    expect(decodeAnswer(reply("EXAMPLE.org", "example.ORG"), question, 7)).toMatchObject({
      kind: "answer",
      answer: { rcode: "NOERROR", authenticated: false, data: [{ tag: "issue", value: "a" }] },
    });
    expect(decodeAnswer(reply("example.com", "example.com"), question, 7).kind).toBe("ignore");
    // A record that nobody asked for does not count.
    expect(decodeAnswer(reply("example.org", "evil.example"), question, 7)).toMatchObject({ answer: { data: [] } });
  });

  it("never throw, whatever comes", () => {
    const good = encode({
      type: "response",
      id: 7,
      questions: [{ name: "example.org", type: "CAA" }],
      answers: [{ name: "example.org", type: "CAA", data: { tag: "issue", value: "ca.example" } }],
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 6 }), (changes) => {
        const mutated = Buffer.from(good);
        for (const [at, value] of changes) mutated[at] = value;
        expect(["answer", "truncated", "ignore"]).toContain(decodeAnswer(mutated, question, 7).kind);
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (any) => {
        expect(decodeAnswer(any, question, 7).kind).toBe("ignore");
      }),
    );
  });

  it.each([
    ["192.0.2.1", "192.0.2.1", 53],
    ["192.0.2.1:5353", "192.0.2.1", 5353],
    ["2001:db8::1", "2001:db8::1", 53],
    ["[2001:db8::1]:5353", "2001:db8::1", 5353],
    ["fe80::1%eth0", "fe80::1%eth0", 53],
  ])("go to %s", (server, host, port) => {
    expect(readServer(server)).toEqual({ host, port });
  });
});

describe("an HTTPS record", () => {
  it("has everything that RFC 9460 names", () => {
    const record = "0010" + "03666f6f076578616d706c65036f726700" + "00010003" + "026832";
    const all =
      record +
      "00020000" +
      "0003000220fb" +
      "00040008c0000201c0000202" +
      "00050001ff" +
      `00060010${"20010db8".padEnd(31, "0")}1`;
    expect(readHttpsRecord(bytes(all))).toEqual({
      priority: 16,
      target: "foo.example.org",
      alpn: ["h2"],
      noDefaultAlpn: true,
      port: 8443,
      ech: true,
      ipv4Hints: ["192.0.2.1", "192.0.2.2"],
      ipv6Hints: ["2001:db8::1"],
    });
  });

  it("never prints raw what it was sent", () => {
    expect(readHttpsRecord(bytes("0000021b5b00")).target).toBe("\\u{1b}[");
  });

  it.each([
    ["no end of the name", "000103666f"],
    ["a pointer", "0001c000"],
    ["parameters out of order", "00010000030002000100010003026832"],
    ["a key twice", "0001000002000000020000"],
    ["a length beyond the end", "0001000001ffff02"],
    ["a port of one byte", "00010000030001ff"],
    ["a torn hint", "00010000040003c00002"],
  ])("with %s is none", (_name, hex) => {
    expect(() => readHttpsRecord(bytes(hex))).toThrow(DecodeError);
  });

  it("throws nothing else", () => {
    const isRead = (any: Uint8Array): boolean => {
      try {
        return readHttpsRecord(any).priority >= 0;
      } catch (error) {
        return error instanceof DecodeError;
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), isRead));
  });
});

describe("a TLSA record", () => {
  const [leafKeys, issuerKeys, rootKeys] = [makeKeys(), makeKeys(), makeKeys()];
  const certify = (name: string, keys: Keys, issuer: string, signer: Keys): Uint8Array =>
    make({ name, keys, issuer, signer, ca: keys !== leafKeys }).raw;
  const leaf = certify("leaf", leafKeys, "issuer", issuerKeys);
  const other = certify("other", leafKeys, "issuer", issuerKeys);
  const issuer = certify("issuer", issuerKeys, "root", rootKeys);
  const root = certify("root", rootKeys, "root", rootKeys);
  /** Has the issuer's name, and another key. */
  const impostor = certify("issuer", rootKeys, "root", rootKeys);
  const sha256 = (of: Uint8Array): string => createHash("sha256").update(of).digest("hex");
  const sha512 = (of: Uint8Array): string => createHash("sha512").update(of).digest("hex");
  const hexOf = (of: Uint8Array): string => Buffer.from(of).toString("hex");
  const keyOf = ({ publicKey }: Keys): Uint8Array => publicKey.export({ type: "spki", format: "der" });
  const record = (usage: number, matching: number, data: string, selector = 0) => ({ usage, selector, matching, data });
  const chains = [[leaf, issuer]];

  it.each([
    ["the leaf by usage 3", record(3, 1, sha256(leaf)), [sha256(leaf)]],
    ["the leaf by usage 1 and SHA-512", record(1, 2, sha512(leaf)), [sha256(leaf)]],
    ["the leaf in full", record(3, 0, hexOf(leaf)), [sha256(leaf)]],
    ["the leaf by its key", record(3, 1, sha256(keyOf(leafKeys)), 1), [sha256(leaf)]],
    ["an authority by usage 2", record(2, 1, sha256(issuer)), [sha256(leaf)]],
    ["an authority in full by usage 2", record(2, 0, hexOf(issuer)), [sha256(leaf)]],
    ["an authority by usage 0", record(0, 1, sha256(issuer)), [sha256(leaf)]],
    ["no authority by usage 3", record(3, 1, sha256(issuer)), []],
    ["no leaf by usage 2", record(2, 1, sha256(leaf)), []],
    ["no authority that was not sent, which usage 2 demands", record(2, 1, sha256(root)), []],
    ["no digest of another kind", record(3, 2, sha256(leaf)), []],
  ])("fits %s", (_name, of, leaves) => {
    expect(compareWith(chains)(of)).toEqual({ state: "observed", value: leaves });
  });

  it("fits no authority that is sent and is not above the leaf", () => {
    const astray = [[leaf, impostor, root]];
    expect(compareWith(astray)(record(2, 1, sha256(impostor)))).toEqual({ state: "observed", value: [] });
    expect(compareWith(astray)(record(2, 1, sha256(root)))).toEqual({ state: "observed", value: [] });
    const whole = [[leaf, root, impostor, issuer]];
    expect(compareWith(whole)(record(2, 1, sha256(root)))).toEqual({ state: "observed", value: [sha256(leaf)] });
  });

  it("says which of several certificates it fits", () => {
    const both = [...chains, [other, issuer], [other]];
    expect(compareWith(both)(record(3, 1, sha256(other)))).toEqual({ state: "observed", value: [sha256(other)] });
    expect(compareWith(both)(record(2, 1, sha256(issuer)))).toMatchObject({ value: [sha256(leaf), sha256(other)] });
  });

  it("does not verify without end", () => {
    const crowd = Array.from({ length: 300 }, () => certify("issuer", rootKeys, "root", rootKeys));
    expect(compareWith([[leaf, ...crowd]])(record(2, 1, sha256(issuer)))).toMatchObject({ state: "untestable" });
  });

  it.each([
    ["of an authority that need not be sent", record(0, 1, sha256(root)), chains],
    ["of an authority in full that need not be sent", record(2, 0, hexOf(root)), chains],
    ["of an unknown usage", record(4, 1, sha256(leaf)), chains],
    ["of an unknown selector", record(3, 1, sha256(leaf), 2), chains],
    ["of an unknown kind of matching", record(3, 3, sha256(leaf)), chains],
    ["with no certificate to compare", record(3, 1, sha256(leaf)), []],
  ])("%s says neither", (_name, of, seen) => {
    expect(compareWith(seen)(of).state).toBe("untestable");
  });

  it("says that a certificate cannot be read", () => {
    expect(compareWith([[new Uint8Array([1]), issuer]])(record(2, 1, sha256(issuer))).state).toBe("failed");
  });
});

describe("HTTP/3", () => {
  const asked = versionQuestion(Uint8Array.from({ length: 17 }, (_, index) => index + 100));
  const answer = (list: string): Uint8Array =>
    bytes(
      `80 00000000 08 ${Buffer.from(asked.source).toString("hex")} 08 ${Buffer.from(asked.destination).toString("hex")} ${list}`.replaceAll(
        " ",
        "",
      ),
    );

  it("is asked for by a packet of a reserved version, as large as a first one must be", () => {
    expect(asked.bytes).toHaveLength(1200);
    expect(Buffer.from(asked.bytes.subarray(1, 5)).toString("hex")).toMatch(/^(?:.a){4}$/);
    expect((asked.bytes[0] ?? 0) & 0xc0).toBe(0xc0);
  });

  it("has the versions that are named", () => {
    expect(readVersions(answer("00000001" + "0a1a2a3a" + "ff00001d"), asked)).toEqual(["v1", "draft-29"]);
    // Not even this question's own packet, of which the ids are the other way round.
    expect(readVersions(asked.bytes, asked)).toBeNull();
    for (const wrong of ["", "0000", "0000000100"]) expect(readVersions(answer(wrong), asked)).toBeNull();
  });

  it("reads whatever comes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (any) => readVersions(any, asked) === null));
  });

  it.each([
    [undefined, null],
    ["clear", null],
    ['h2="alt.example:443"; ma=60', null],
    ['h2=":443", h3=":443"; ma=86400, h3-29=":443"', 'h3=":443"; ma=86400'],
    ['h3-29=":443"', 'h3-29=":443"'],
    ['x="a,h3=1"', null],
  ])("is advertised by Alt-Svc %j as %j", (field, alternative) => {
    expect(alternativeIn(field)).toBe(alternative);
  });

  it("keeps what is advertised where UDP is silent", () => {
    const http = {
      state: "observed",
      value: { headers: { "alt-svc": 'h3=":443"' } },
    } as unknown as Parameters<typeof http3Of>[1];
    expect(http3Of({ state: "untestable", why: "silence" }, http)).toEqual({
      state: "untestable",
      why: 'silence; Alt-Svc: h3=":443"',
    });
    expect(http3Of({ state: "observed", value: ["v1"] }, { state: "failed", why: "reset" })).toEqual({
      state: "observed",
      value: { versions: ["v1"], advertised: { state: "failed", why: "reset" } },
    });
  });
});
