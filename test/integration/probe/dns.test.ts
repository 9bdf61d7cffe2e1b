import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";

import { decode } from "dns-packet";
import { describe, expect, it } from "vitest";

import { probeDns } from "../../../src/probe/dns/index.ts";
import type { Channel } from "../../../src/probe/client/channel.ts";
import { createLook, type Look, type LookOptions } from "../../../src/probe/look.ts";
import type { Target } from "../../../src/probe/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { httpsType, withDns, type DnsServerOptions, type Zone } from "./dns-server.ts";
import { issue, look, read, scratch, value } from "./support.ts";

let count = 0;
const random = (length: number): Uint8Array =>
  new Uint8Array(createHash("sha512").update(`${count++}`).digest().subarray(0, length));

function lookFor(
  dnsServers: readonly string[],
  options: Partial<LookOptions> = {},
  target: Partial<Target> = {},
): Look {
  const of = { host: "www.example.org", port: 443, serverName: "www.example.org", address: "127.0.0.1", ...target };
  return createLook(of, { timeoutMs: 2000, totalMs: 10_000, now: new Date(), random, dnsServers, ...options });
}

const caa = (name: string, tag: "issue" | "iodef", value: string, issuerCritical = false) =>
  ({ name, type: "CAA", data: { tag, value, issuerCritical } }) as const;
const https = (name: string, hex: string) => ({ name, type: httpsType, data: Buffer.from(hex, "hex") });
const tlsa = (name: string, usage: number, certificate: Buffer, [selector, matchingType] = [0, 1]) =>
  ({
    name,
    type: "TLSA",
    data: { usage, selector: selector ?? 0, matchingType: matchingType ?? 1, certificate },
  }) as const;

/** 1 . alpn=h2,h3 port=8443 ech */
const record = "0001" + "00" + "0001" + "0006" + "026832026833" + "0003" + "0002" + "20fb" + "0005" + "0002" + "abcd";

/** What a server with these records is asked, and what is found. */
async function ask(zone: Zone, options: DnsServerOptions = {}, target: Partial<Target> = {}) {
  return withDns(
    zone,
    async ({ address, asked }) => ({ found: await probeDns(lookFor([address], {}, target)), asked }),
    options,
  );
}

describe("records about a name", () => {
  const zone: Zone = {
    "CAA example.org": [caa("example.org", "issue", "ca.example"), caa("example.org", "iodef", "mailto:a@b", true)],
    "TLSA _443._tcp.www.example.org": [tlsa("_443._tcp.www.example.org", 3, Buffer.alloc(32, 7))],
    "HTTPS www.example.org": [https("www.example.org", record), https("www.example.org", "0000016100")],
  };
  const all = {
    caa: {
      state: "observed",
      value: {
        name: "example.org",
        authenticated: true,
        records: [
          { critical: false, tag: "issue", value: "ca.example" },
          { critical: true, tag: "iodef", value: "mailto:a@b" },
        ],
      },
    },
    tlsa: {
      state: "observed",
      value: {
        name: "_443._tcp.www.example.org",
        authenticated: true,
        records: [{ usage: 3, selector: 0, matching: 1, data: "07".repeat(32) }],
      },
    },
    https: {
      state: "observed",
      value: {
        name: "www.example.org",
        authenticated: true,
        records: [
          { priority: 0, target: "a", alpn: [], port: null, ech: false },
          { priority: 1, target: ".", alpn: ["h2", "h3"], port: 8443, ech: true },
        ],
      },
    },
  };

  it("are read, CAA of the nearest name that has some", async () => {
    const { found, asked } = await ask(zone, { ad: true });
    expect(found).toMatchObject(all);
    expect(asked.toSorted()).toEqual([
      "UDP CAA example.org",
      "UDP CAA org",
      "UDP CAA www.example.org",
      "UDP HTTPS www.example.org",
      "UDP TLSA _443._tcp.www.example.org",
    ]);
  });

  it("are asked for by TCP where the answer is cut off", async () => {
    const { found, asked } = await ask(zone, { ad: true, truncated: true });
    expect(found).toMatchObject(all);
    expect(asked.filter((each) => each.startsWith("TCP"))).toHaveLength(5);
  });

  it("are not there where the name has none, and where it does not exist", async () => {
    const { found } = await ask({ "TLSA _443._tcp.www.example.org": 3 });
    expect(found).toMatchObject({
      caa: { state: "observed", value: { name: null, authenticated: false, records: [] } },
      tlsa: { state: "observed", value: { records: [] } },
      https: { state: "observed", value: { records: [] } },
    });
  });

  it("are read behind an alias", async () => {
    const alias = { name: "www.example.org", type: "CNAME", data: "other.example" } as const;
    const { found } = await ask({ "CAA www.example.org": [alias, caa("other.example", "issue", ";")] });
    expect(found.caa).toMatchObject({ value: { name: "www.example.org", records: [{ tag: "issue", value: ";" }] } });
  });

  it("of another port and of mail are asked for by their own names", async () => {
    expect((await ask({}, {}, { port: 8443 })).asked).toContain("UDP HTTPS _8443._https.www.example.org");
    const found = await withDns({}, async ({ address, asked }) => ({
      dns: await probeDns(lookFor([address], { startTls: "smtp" }, { port: 25 })),
      asked,
    }));
    expect(found.asked).toContain("UDP TLSA _25._tcp.www.example.org");
    expect(found.dns.https).toMatchObject({ state: "untestable", why: expect.stringMatching(/^not applicable: /) });
  });
});

describe("a resolver that is no help", () => {
  it("that fails leaves failed, and nothing above it counts", async () => {
    const { found, asked } = await ask({
      "CAA www.example.org": 2,
      "CAA example.org": [caa("example.org", "issue", "ca.example")],
    });
    const why = "DNS, CAA of www.example.org: the resolver answers SERVFAIL";
    expect(found.caa).toEqual({ state: "failed", why });
    // Once more, and no further.
    expect(asked.filter((each) => each === "UDP CAA www.example.org")).toHaveLength(2);
  });

  it.concurrent.each<[string, DnsServerOptions["reply"], string]>([
    ["is silent", () => {}, "the resolver does not answer in time"],
    ["sends what is no DNS", (_query, _reply, send) => send(Buffer.from("hello")), "what the resolver answers cannot"],
    ["echoes", (query, _reply, send) => send(query), "the resolver answers another question"],
    [
      "answers under another id",
      (_query, reply, send) => send(Buffer.concat([Buffer.from([reply[0]! ^ 1]), reply.subarray(1)])),
      "the resolver answers another question",
    ],
  ])("that %s leaves failed within the time", async (_name, reply, why) => {
    const began = performance.now();
    const { found } = await ask({}, { reply });
    for (const outcome of Object.values(found))
      expect(outcome).toEqual({ state: "failed", why: expect.stringContaining(why) });
    expect(performance.now() - began).toBeLessThan(4000);
  });

  it("that answers wrongly before it answers is waited for", async () => {
    const reply: DnsServerOptions["reply"] = (query, good, send) => {
      send(Buffer.from("x"));
      send(query);
      send(good);
    };
    const { found } = await ask({ "CAA org": [caa("org", "issue", "ca.example")] }, { reply });
    expect(found.caa).toMatchObject({ state: "observed", value: { name: "org" } });
  });

  it("is followed by the second one", async () => {
    const found = await withDns({ "TLSA _443._tcp.www.example.org": 5 }, (first) =>
      withDns({ "CAA org": [caa("org", "issue", "a")] }, (second) =>
        probeDns(lookFor([first.address, second.address])),
      ),
    );
    expect(found.tlsa).toMatchObject({ state: "observed", value: { records: [] } });
  });

  it("that is not there, or has no time, leaves failed", async () => {
    const gone = await withDns({}, async ({ address }) => address);
    expect((await probeDns(lookFor([gone]))).caa).toMatchObject({ state: "failed" });
    expect((await probeDns(lookFor([gone], { totalMs: 0 }))).caa).toMatchObject({ state: "failed" });
    expect((await probeDns(lookFor([]))).caa).toMatchObject({ state: "untestable" });
  });

  // The system refuses to connect to a broadcast address, as to one of IPv6 on a machine without it.
  it("at an address that cannot be used leaves failed", async () => {
    const { caa } = await probeDns(lookFor(["255.255.255.255"]));
    expect(caa).toEqual({ state: "failed", why: expect.stringContaining("the resolver cannot be reached: EACCES") });
  });

  it.each([1, 4])("that does not know EDNS (rcode %i, the bare header) is asked without", async (rcode) => {
    const reply: DnsServerOptions["reply"] = (query, good, send) => {
      if (decode(query).additionals?.length === 0) return send(good);
      const bare = Buffer.from(query.subarray(0, 12).fill(0, 4));
      bare.writeUInt16BE(0x8000 | rcode, 2);
      send(bare);
    };
    const { found, asked } = await ask({ "CAA org": [caa("org", "issue", "ca.example")] }, { reply });
    expect(found.caa).toMatchObject({ state: "observed", value: { name: "org" } });
    expect(asked.filter((each) => each === "UDP CAA org")).toHaveLength(2);
  });

  it("that sends garbage by TCP is not waited for", async () => {
    const began = performance.now();
    const { found } = await ask({}, { truncated: true, overTcp: () => Buffer.from("hello") });
    expect(found.caa).toMatchObject({ state: "failed", why: expect.stringContaining("cannot be read") });
    expect(performance.now() - began).toBeLessThan(1500);
  });

  it("with a record that cannot be read leaves failed", async () => {
    const { found } = await ask({ "HTTPS www.example.org": [https("www.example.org", "0001")] });
    expect(found.https).toMatchObject({ state: "failed", why: expect.stringContaining("ends too early") });
  });

  it("is let be when the look is interrupted", async () => {
    const signal = AbortSignal.abort();
    const { dns, asked } = await withDns({}, async ({ address, asked }) => ({
      dns: await probeDns(lookFor([address], { signal })),
      asked,
    }));
    expect([dns.caa.state, asked]).toEqual(["failed", []]);
  });
});

describe("what has no name in the DNS", () => {
  it.each(["127.0.0.1", "::1", "fe80::1%lo", "localhost", "a.localhost", "host", "printer.local", "x.onion"])(
    "%s is not asked about",
    async (host) => {
      const { found, asked } = await ask({}, {}, { host });
      expect(asked).toEqual([]);
      expect(found.caa).toMatchObject({ state: "untestable", why: expect.stringMatching(/^not applicable: /) });
    },
  );

  it("or is a proxy's to resolve is not asked about, which is no proof of anything", async () => {
    const way = { via: { host: "127.0.0.1", port: 1 }, enter: async (channel: Channel) => channel };
    const { dns, asked } = await withDns({}, async ({ address, asked }) => ({
      dns: await probeDns(lookFor([address], { way })),
      asked,
    }));
    expect([dns.tlsa, asked]).toEqual([{ state: "untestable", why: "the proxy resolves the name" }, []]);
  });
});

describeWith(["openssl"], "a whole look", () => {
  it("compares TLSA records with the certificate that was sent, and reads Alt-Svc", async () => {
    const folder = await scratch();
    const { certificate, key } = await issue(folder, { name: "www.example.org" });
    const server = createServer({ cert: await read(certificate), key: await read(key) }, (_request, response) => {
      response.setHeader("Alt-Svc", 'h3=":443"');
      response.end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const leaf = new X509Certificate(await read(certificate));
    const digest = createHash("sha256").update(leaf.raw).digest();
    const keyDigest = createHash("sha256")
      .update(leaf.publicKey.export({ type: "spki", format: "der" }))
      .digest();
    const name = `_${port}._tcp.www.example.org`;
    const records = [tlsa(name, 3, digest), tlsa(name, 3, keyDigest, [1, 1]), tlsa(name, 3, Buffer.alloc(32))];
    const seen = await withDns({ [`TLSA ${name}`]: records }, ({ address }) =>
      look(port, { dnsServers: [address] }, { host: "www.example.org" }),
    );
    server.closeAllConnections();
    server.close();
    const found = value(seen.dns.tlsa);
    expect(found.records.map(({ matches }) => value(matches))).toEqual([
      [digest.toString("hex")],
      [digest.toString("hex")],
      [],
    ]);
    // As other observations name it.
    expect(value(seen.certificates)[0]?.certificates[0]?.sha256).toBe(digest.toString("hex"));
    expect(seen.http3).toEqual({
      state: "observed",
      value: { versions: null, advertised: { state: "observed", value: 'h3=":443"' } },
    });
  });
});
