import { describe, expect, it } from "vitest";
import { concat } from "../../../src/wire/index.ts";
import type { Observations, Proxy, StartTls } from "../../../src/probe/index.ts";
import { mockTls, withMock } from "./mock.ts";
import { httpProxy, scripted, socksProxy, tls, withProxy, type Script } from "./services.ts";
import { look, offered, suiteNames } from "./support.ts";

const ldapOid = Buffer.from("1.3.6.1.4.1.1466.20037").toString("latin1");
const ldapDone = Uint8Array.of(0x30, 12, 2, 1, 1, 0x78, 7, 0x0a, 1, 0, 4, 0, 4, 0);

/** A greeting of MySQL 8 with these capabilities. */
function mysqlGreeting(capabilities: number): Uint8Array {
  const body = concat(
    Uint8Array.of(10, ...Buffer.from("8.0.36"), 0),
    new Uint8Array(13).fill(7),
    Uint8Array.of(capabilities & 255, capabilities >> 8, 45, 2, 0),
    new Uint8Array(20),
  );
  return concat(Uint8Array.of(body.length, 0, 0, 0), body);
}

const good: readonly (readonly [StartTls, Script])[] = [
  [
    "smtp",
    [
      "220-mail.example ESMTP\r\n220 ready\r\n",
      /EHLO \S+\r\n/,
      "250-mail.example\r\n250-SIZE 1\r\n250-STARTTLS\r\n250 HELP\r\n",
      /STARTTLS\r\n/,
      "220 2.0.0 go ahead\r\n",
    ],
  ],
  [
    "imap",
    [
      "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n",
      /a1 CAPABILITY\r\n/,
      "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\r\na1 OK done\r\n",
      /a2 STARTTLS\r\n/,
      "a2 OK begin\r\n",
    ],
  ],
  ["pop3", ["+OK ready\r\n", /CAPA\r\n/, "+OK\r\nUSER\r\nSTLS\r\n.\r\n", /STLS\r\n/, "+OK begin\r\n"]],
  ["ftp", ["220-one\r\n 220 not the end\r\n220 two\r\n", /AUTH TLS\r\n/, "234 go\r\n"]],
  [
    "xmpp",
    [
      /<stream:stream [^>]*jabber:client[^>]*to='localhost'[^>]*>/,
      "<?xml version='1.0'?><stream:stream id='1' version='1.0'><stream:features>",
      "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>",
      /<starttls[^>]*\/>/,
      "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    ],
  ],
  [
    "xmpp-server",
    [
      /jabber:server[^>]*>/,
      "<stream:stream><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>",
      /<starttls[^>]*\/>/,
      "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
    ],
  ],
  ["ldap", [new RegExp(ldapOid), ldapDone]],
  ["postgres", [/\u0000\u0000\u0000\u0008\u0004\u00d2\u0016\u002f/, "S"]],
  ["mysql", [mysqlGreeting(0xffff), /^\u0020\u0000\u0000\u0001[^]{32}/]],
];

const through = (startTls: StartTls, script: Script, after?: Uint8Array): Promise<Observations> =>
  withMock(scripted(script, after), (port) => look(port, { startTls, timeoutMs: 800 }));

describe("STARTTLS", () => {
  it.each(good)("of %s leads to the same observations as TLS at once", async (startTls, script) => {
    const seen = await through(startTls, script);
    expect(offered(seen)).toEqual(["TLSv1.2"]);
    expect(suiteNames(seen, "TLSv1.2")).toEqual(["ECDHE-RSA-AES128-GCM-SHA256"]);
  });

  it.each<[string, StartTls, Script, RegExp]>([
    [
      "does not offer it",
      "smtp",
      ["220 x\r\n", /EHLO[^]*\n/, "250-x\r\n250 HELP\r\n"],
      /does not offer STARTTLS for SMTP/,
    ],
    ["turns clients away", "smtp", ["554 no\r\n"], /the greeting was "554 no"/],
    [
      "takes it back",
      "smtp",
      ["220 x\r\n", /EHLO[^]*\n/, "250 STARTTLS\r\n", /STARTTLS\r\n/, "454 not now\r\n"],
      /answer to STARTTLS was "454 not now"/,
    ],
    ["is another service", "smtp", ["SSH-2.0-OpenSSH_9.2\r\n"], /not a reply of this protocol: "SSH-2.0/],
    [
      "closes in the middle",
      "smtp",
      ["220 x\r\n", /EHLO[^]*\n/, "250-x\r\n", /(?!)/],
      /before TLS: no complete answer/,
    ],
    [
      "has no STARTTLS",
      "imap",
      ["* OK\r\n", /a1[^]*\n/, "* CAPABILITY IMAP4rev1\r\na1 OK\r\n"],
      /does not offer STARTTLS for IMAP/,
    ],
    ["is logged in already", "imap", ["* PREAUTH hello\r\n"], /the greeting was "\* PREAUTH hello"/],
    [
      "refuses",
      "imap",
      ["* OK\r\n", /a1[^]*\n/, "* CAPABILITY STARTTLS\r\na1 OK\r\n", /a2[^]*\n/, "a2 BAD no\r\n"],
      /"a2 BAD no"/,
    ],
    ["has no STLS", "pop3", ["+OK\r\n", /CAPA[^]*\n/, "+OK\r\nUSER\r\n.\r\n"], /does not offer STARTTLS for POP3/],
    [
      "refuses without CAPA",
      "pop3",
      ["+OK\r\n", /CAPA[^]*\n/, "-ERR\r\n", /STLS[^]*\n/, "-ERR no\r\n"],
      /answer to STLS was "-ERR no"/,
    ],
    ["refuses", "ftp", ["220 x\r\n", /AUTH[^]*\n/, "530 \u001b[31mno\r\n"], /answer to AUTH TLS was "530 .*u\{1b\}/],
    [
      "has no starttls",
      "xmpp",
      [/<stream.*>/, "<stream:stream><stream:features><sasl/></stream:features>"],
      /for XMPP/,
    ],
    [
      "closes the stream",
      "xmpp",
      [/<stream.*>/, "<stream:stream><stream:error><host-unknown/></stream:error>"],
      /stream was refused/,
    ],
    [
      "fails",
      "xmpp",
      [
        /<stream.*>/,
        "<stream:stream><stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>",
        /<starttls.*>/,
        "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
      ],
      /answer to starttls/,
    ],
    ["refuses", "ldap", [new RegExp(ldapOid), ldapDone.with(9, 52)], /refused with result code 52/],
    ["is no LDAP", "ldap", [new RegExp(ldapOid), "HTTP/1.1 400 Bad"], /not one of LDAP/],
    ["has no TLS", "postgres", [/[^]{8}/, "N"], /does not offer TLS for PostgreSQL/],
    ["does not know it", "postgres", [/[^]{8}/, "E"], /SSLRequest was "E"/],
    ["has no TLS", "mysql", [mysqlGreeting(0xf7ff), /(?!)/], /does not offer TLS for MySQL/],
    [
      "turns clients away",
      "mysql",
      [Uint8Array.of(9, 0, 0, 0, 0xff, 0x6a, 4, 72, 111, 115, 116, 32, 120), /(?!)/],
      /refuses: "Host x"/,
    ],
    ["says too much", "smtp", [`220-${"x".repeat(70_000)}`, /(?!)/], /more than 65536 bytes/],
  ])("a server that %s (%s) is unreachable, and never judged", async (_what, startTls, script, why) => {
    const began = performance.now();
    await expect(through(startTls, script)).rejects.toMatchObject({
      code: "unreachable",
      message: expect.stringMatching(why) as string,
    });
    expect(performance.now() - began).toBeLessThan(8000);
  });

  it("bytes in the clear together with the go-ahead are refused", async () => {
    for (const [startTls, script] of good.slice(0, 4)) {
      await expect(through(startTls, script, Buffer.from("250 injected\r\n"))).rejects.toMatchObject({
        code: "unreachable",
        message: expect.stringContaining("14 bytes in the clear came together with the go-ahead") as string,
      });
    }
  });

  it("what breaks off on the way is never taken for a refusal of a version", async () => {
    let count = 0;
    const [, script = []] = good[0] ?? [];
    const seen = await withMock(
      (socket, n) => (++count > 2 ? void socket.end("421 too many\r\n") : scripted(script)(socket, n)),
      (port) => look(port, { startTls: "smtp", timeoutMs: 1000 }),
    );
    const states = Object.values(seen.protocols).map(({ state }) => state);
    expect(states).toContain("failed");
    expect(
      Object.values(seen.protocols).filter((support) => support.state === "observed" && !support.value.offered).length,
    ).toBeLessThan(6);
    expect(seen.cipherSuites["TLSv1.2"]?.state ?? "failed").toBe("failed");
  });
});

const proxyAt = (kind: Proxy["kind"], port: number, login: Proxy["login"] = null): Proxy => ({
  kind,
  host: "127.0.0.1",
  port,
  login,
});
const login = { user: "me", password: "s3:cret" };

describe("proxies", () => {
  it.each([
    ["http", httpProxy],
    ["socks5", socksProxy],
  ] as const)("%s: with and without a login, by name, and STARTTLS behind it", async (kind, proxy) => {
    const [, script = []] = good[0] ?? [];
    await withMock(scripted(script), async (port) => {
      for (const with_ of [null, login]) {
        const talk = proxy({ port, ...(with_ === null ? {} : { login: "me:s3:cret" }) });
        const { seen, asked } = await withProxy(talk, async ({ port: at, asked: all }) => ({
          seen: await look(
            25,
            { proxy: proxyAt(kind, at, with_), startTls: "smtp", timeoutMs: 800 },
            { host: "mail.internal.example", address: "mail.internal.example" },
          ),
          asked: all,
        }));
        expect(offered(seen)).toEqual(["TLSv1.2"]);
        expect(asked.length).toBe(seen.connections);
        expect(new Set(asked.map((text) => text.includes("mail.internal.example")))).toEqual(new Set([true]));
      }
    });
  });

  it("an address goes to SOCKS as an address", async () => {
    await withMock(tls, (port) =>
      withProxy(socksProxy({ port }), async ({ port: at, asked }) => {
        await look(
          443,
          { proxy: proxyAt("socks5", at), timeoutMs: 800 },
          { host: "2001:db8::1", address: "2001:db8::1" },
        );
        expect(new Set(asked)).toEqual(new Set(["20010db8000000000000000000000001"]));
      }),
    );
  });

  it.each<[string, Proxy["kind"], Parameters<typeof withProxy>[0], RegExp]>([
    ["wants a login", "http", httpProxy({ port: 1, login: "a:b" }), /407 Proxy Authentication Required/],
    [
      "forbids",
      "http",
      (socket) => void socket.once("data", () => socket.end("HTTP/1.0 403 no\r\n\r\n")),
      /HTTP\/1.0 403 no/,
    ],
    [
      "cannot connect",
      "http",
      (socket) => void socket.once("data", () => socket.end("HTTP/1.1 502 Bad\r\n\r\n")),
      /502 Bad/,
    ],
    ["is a mail server", "http", (socket) => void socket.write("220 mail\r\n"), /does not speak HTTP/],
    ["closes", "http", (socket) => void socket.end(), /closed the connection/],
    ["is silent", "socks5", () => undefined, /the proxy did not answer: no complete answer/],
    [
      "is no SOCKS",
      "socks5",
      (socket) => void socket.once("data", () => socket.end("HTTP/1.1 400 Bad\r\n\r\n")),
      /does not speak SOCKS/,
    ],
    ["wants a login", "socks5", socksProxy({ port: 1, login: "a:b" }), /none of the ways to log in/],
    ["has rules", "socks5", socksProxy({ port: 1, reply: 2 }), /not allowed by its rules/],
    ["cannot connect", "socks5", socksProxy({ port: 1, reply: 5 }), /connection refused/],
  ])("one that %s (%s) makes the target unreachable", async (_what, kind, talk, why) => {
    await withProxy(talk, ({ port }) =>
      expect(look(443, { proxy: proxyAt(kind, port), timeoutMs: 700 })).rejects.toMatchObject({
        code: "unreachable",
        message: expect.stringMatching(why) as string,
      }),
    );
  });

  it("a wrong password, and a proxy that is not there", async () => {
    await withProxy(socksProxy({ port: 1, login: "me:right" }), ({ port }) =>
      expect(look(443, { proxy: proxyAt("socks5", port, login) })).rejects.toMatchObject({
        message: expect.stringMatching(/refuses this user and password/) as string,
      }),
    );
    const closed = await withMock(tls, async (port) => port);
    await expect(look(443, { proxy: proxyAt("http", closed) })).rejects.toMatchObject({
      message: expect.stringMatching(/the proxy cannot be reached: ECONNREFUSED/) as string,
    });
  });
});

describe("limits", () => {
  const many = mockTls({ versions: [0x0303], suites: [0xc02f, 0xc030, 0x9c, 0x9d, 0x2f, 0x35] });

  it("a gentle look has two connections at once at most", async () => {
    let [open, most] = [0, 0];
    const seen = await withMock(
      (socket, count) => {
        most = Math.max(most, ++open);
        socket.once("close", () => open--);
        tls(socket, count);
      },
      (port) => look(port, { gentle: true, timeoutMs: 800 }),
    );
    expect(offered(seen)).toEqual(["TLSv1.2"]);
    expect(most).toBeLessThanOrEqual(2);
  });

  it("a budget of connections is kept, and what it cut off is untestable", async () => {
    const seen = await withMock(many, (port) => look(port, { budget: 9 }));
    expect(seen.connections).toBeLessThanOrEqual(9);
    expect(seen.cipherSuites["TLSv1.2"] ?? seen.protocols["TLSv1.2"]).toMatchObject({
      state: "untestable",
      why: expect.stringContaining("the budget of 9 connections is used up") as string,
    });
  });

  it.each([
    ["while it is looked at", 600],
    ["when hardly one hello was answered", 330],
  ])("after the time for a look no connection is begun: %s", async (_when, totalMs) => {
    const began = performance.now();
    const slow = mockTls({
      versions: [0x0303],
      suites: [0xc02f, 0xc030, 0x9c, 0x9d],
      deliver: (socket, bytes) => void setTimeout(() => socket.destroyed || socket.write(bytes), 250),
    });
    const seen = await withMock(slow, (port) => look(port, { totalMs }));
    expect(performance.now() - began).toBeLessThan(5000);
    expect(JSON.stringify(seen)).toContain(`the time of ${totalMs / 1000} s is used up`);
    expect(JSON.stringify(seen)).not.toContain("every hello was refused");
  });

  it("a rate spaces connections evenly", async () => {
    const { createPace } = await import("../../../src/probe/index.ts");
    const times: number[] = [];
    await withMock(
      (socket, count) => {
        times.push(performance.now());
        tls(socket, count);
      },
      (port) => look(port, { pace: createPace(50), budget: 12, timeoutMs: 800 }),
    );
    const [first = 0] = times;
    expect((times.at(-1) ?? 0) - first).toBeGreaterThan((times.length - 1) * 20 - 30);
  });
});
