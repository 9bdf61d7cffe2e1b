import { describe, expect, test } from "vitest";
import { judge } from "../../../src/grade/index.ts";
import type { Report } from "../../../src/grade/index.ts";
import type { ChainSeen } from "../../../src/probe/index.ts";
import { clean, toJson, toText } from "../../../src/report/index.ts";
import { certificate, chain, failed, observations, observed } from "../grade/observations.ts";
import { attack, bad, best, good, hostile } from "./reports.ts";

/** Terminal controls and deceivers, line feed apart. */
const dangerous = /[\0-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/;

describe("text", () => {
  test("a server of a local authority shows the letter with trust aside, and says what strangers get", () => {
    const local = observed({ trusted: true, local: true, anchor: "CN=Example Root", reason: null });
    const shown = (trust: ChainSeen["trust"]): string =>
      toText(judge(observations({ certificates: observed([chain({}, { trust })]) })), { colour: false, width: 100 });
    expect(shown(local)).toContain("A+  ssllabs-2009r: trust aside; T for whoever does not know the local authority");
    expect(shown(local)).toContain("  for strangers T  The chain is not publicly trusted");
    expect(shown(local)).not.toContain("at best T");
    const unknown = observed({ trusted: false, local: false, anchor: null, reason: "unknown authority" });
    expect(shown(unknown)).not.toContain("A+  ssllabs-2009r");
    expect(shown(unknown)).toContain("  at best T   The chain is not publicly trusted");
  });

  test("a target that never speaks TLS says why once, one that speaks some of it in full", () => {
    const shown = (...why: readonly string[]): string => {
      const names = ["TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0", "SSLv3", "SSLv2"] as const;
      const protocols = Object.fromEntries(names.map((name, index) => [name, failed(why[index % why.length] ?? "")]));
      const seen = observations({ cipherSuites: {}, certificates: failed(why[0] ?? "") });
      return toText(judge({ ...seen, protocols: { ...seen.protocols, ...protocols } }), { colour: false, width: 80 });
    };
    expect(shown("not TLS: the server answers in plain HTTP")).toBe(
      "www.example.org:443\n192.0.2.10 · 2026-02-01 12:00:00 UTC\n\ndoes not speak TLS: the server answers in plain HTTP\n",
    );
    expect(shown("the server never answered in TLS")).toMatch(/^nothing is known: the server never answered in TLS$/mu);
    expect(shown("too little time")).toMatch(/^nothing is known: too little time$/mu);
    expect(shown("reset", "timed out")).toContain("SSLv2     not known: timed out");
  });

  test("a server that was looked at on trial is named by the address that it serves on", () => {
    const trial: Report = { ...good, target: { ...good.target, port: 39_913 }, trialFor: "127.0.0.1:8443" };
    const lines = toText(trial, { colour: false, width: 80 }).split("\n");
    expect(lines[0]).toBe("127.0.0.1:8443");
    expect(lines[1]).toContain("192.0.2.10, looked at on trial on port 39913");
  });

  test("a good server", () => {
    expect(toText(good, { colour: false, width: 100 })).toMatchInlineSnapshot(`
      "www.example.org:443
      192.0.2.10 · 2026-02-01 12:00:00 UTC

      A+  ssllabs-2009r
        Protocol      ████████████████████   100  best TLSv1.3, worst TLSv1.2
        Key exchange  ██████████████████░░    90  weakest: certificate key RSA 2048
        Cipher        ██████████████████░░    90  strongest 256 bits, weakest 128 bits
                                                  (TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                                                  TLS_AES_128_GCM_SHA256)
        Total                                 93

      Other rulebooks
        AAA           no
                      NCSC-NL finds nothing worse than sufficient: no (phase-out)
        mozilla-6.0   intermediate, limited by protocols, cipher suites, certificate key, certificate
                      signature
        ncsc-nl-2025  phase-out
                      certificate key: RSA 2048

      Protocols
        TLSv1.3   offered
        TLSv1.2   offered
        TLSv1.1   refused (alert 70)
        TLSv1.0   refused (alert 70)
        SSLv3     refused (alert 70)
        SSLv2     refused (alert 70)

      Cipher suites of TLSv1.3
        the server chooses
        TLS_AES_256_GCM_SHA384        256  X25519
        TLS_CHACHA20_POLY1305_SHA256  256  X25519
        TLS_AES_128_GCM_SHA256        128  X25519

      Cipher suites of TLSv1.2
        the server chooses
        TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384  256  X25519
        TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256  128  X25519

      Groups
        in the server's order; negotiated: X25519MLKEM768
        X25519MLKEM768  classical part as RSA 3072  post-quantum
        X25519          as RSA 3072

      Certificate: RSA 2048
        Names           www.example.org, example.org
        Valid           2026-01-01 to 2026-03-31
        SHA-256         abababababababababababababababababababababababababababababababab
        Trust           CN=Example Root
        Order           2 certificates, in order
        Stapled status  none
        1.  CN=www.example.org
            RSA 2048, sha256WithRSAEncryption, until 2026-03-31
        2.  CN=Example Issuing CA
            RSA 2048, sha256WithRSAEncryption, until 2026-03-31

      Not known
        ? Not examined or not known, and left out of the grade: Revoked certificate; DROWN; Debian weak
          key; Tolerance of unknown and large hellos

      Information
        · The RSA certificate carries valid timestamps of no log [low]
          → Have the certificate issued with timestamps of two logs: browsers refuse it otherwise
        · Port 80 answers without leading to HTTPS [low]
          → Answer port 80 with a redirect to the same address with https
        · Post-quantum hybrid negotiated: X25519MLKEM768 (offered: X25519MLKEM768)
        · Curve in use: X25519MLKEM768 (SafeCurves: X25519 is safe)
        · No ephemeral key was seen twice (TLSv1.3 X25519: 6 different of 6)
        · Who chooses the suite: TLSv1.2 server, TLSv1.3 server
        · No session ticket is issued (TLS 1.3 tickets: 0; TLS 1.2 ticket: false)
        · Sessions are not resumed (session id: no; ticket: no; pre-shared key: no)
        · Application protocol: http/1.1
        · Application protocols: http/1.1
        · Encrypted ClientHello is not offered: server names can be read on the way
        · Without a server name the same certificate is sent
        · The RSA certificate comes without its status (it names no responder)
        · The RSA certificate was issued after a domain's validation (DV) (2.23.140.1.2.1)
        · The policy is not fit for the preload list: no includeSubDomains, no preload, no redirect from
          port 80 to HTTPS
        · Protecting headers that are not sent: Content-Security-Policy, X-Content-Type-Options: nosniff,
          X-Frame-Options, or frame-ancestors, Referrer-Policy
        · QUIC is not offered: the UDP port of the same number is closed
        · CAA: any authority may issue certificates for this name
        · No TLSA record binds the certificate (_443._tcp.www.example.org)
        · No HTTPS record is published (www.example.org)
        · All 5 reference browsers connect

      79 rules pass. 33 connections, 9.1 kB sent, 48.3 kB received, 0.06 s.
      "
    `);
  });

  test("a bad server of which not all is known", () => {
    expect(toText(bad, { colour: false, width: 80 })).toMatchInlineSnapshot(`
      "www.example.org:443
      192.0.2.10 · 2026-02-01 12:00:00 UTC

      F to B ssllabs-2009r: trust aside, incomplete; T for whoever does not know the
             local authority
        Protocol      Protocol score 95: best TLSv1.3, worst TLSv1.0
        Key exchange  not known: TLSv1.3 suites: timed out after 3 s, twice
        Cipher        not known: TLSv1.3 suites: timed out after 3 s, twice
        for strangers T  The certificate is expired or not yet valid
        for strangers T  The chain is not publicly trusted
        at best B   TLS 1.0 is offered
        not known   ssllabs.cipher.insecure: TLSv1.3 suites: timed out after 3 s,
                    twice
        not known   key exchange score: TLSv1.3 suites: timed out after 3 s, twice
        not known   cipher score: TLSv1.3 suites: timed out after 3 s, twice

      Other rulebooks
        AAA           no
                      Mozilla's guideline is kept to: no (none)
                      NCSC-NL finds nothing worse than sufficient: no (insufficient)
        mozilla-6.0   none
                      protocols: TLSv1.0 is accepted
                      cipher suites: TLS_RSA_WITH_AES_128_CBC_SHA (TLSv1.0),
                      TLS_RSA_WITH_3DES_EDE_CBC_SHA (TLSv1.0)
                      stapled status: no status is stapled
        ncsc-nl-2025  insufficient
                      protocols: TLSv1.0
                      cipher suites: TLS_RSA_WITH_AES_128_CBC_SHA,
                      TLS_RSA_WITH_3DES_EDE_CBC_SHA

      Protocols
        TLSv1.3   offered
        TLSv1.2   offered
        TLSv1.1   refused (alert 70)
        TLSv1.0   offered
        SSLv3     refused (alert 70)
        SSLv2     refused (alert 70)

      Cipher suites of TLSv1.3
        not known: timed out after 3 s, twice

      Cipher suites of TLSv1.2
        the server chooses
        TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384  256  X25519
        TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256  128  X25519

      Cipher suites of TLSv1.0
        the client chooses
        TLS_RSA_WITH_AES_128_CBC_SHA   128  RSA  no forward secrecy, no AEAD
        TLS_RSA_WITH_3DES_EDE_CBC_SHA  112  RSA  no forward secrecy, no AEAD

      Groups
        in the server's order; negotiated: X25519MLKEM768
        X25519MLKEM768  classical part as RSA 3072  post-quantum
        X25519          as RSA 3072

      Certificate: RSA 2048
        Names           www.example.org, example.org
        Valid           2026-01-01 to 2026-03-31 (not now)
        SHA-256         ababababababababababababababababababababababababababababababab
                        ab
        Trust           local authority CN=Example Root, unknown to the public
        Order           2 certificates, in order
        Stapled status  none, which the certificate demands
        1.  CN=www.example.org
            RSA 2048, sha256WithRSAEncryption, until 2026-03-31
        2.  CN=Example Issuing CA
            RSA 2048, sha256WithRSAEncryption, until 2026-03-31

      Failed
        ✗ The certificate is expired or not yet valid [high]
          CN=www.example.org: 2026-01-01T00:00:00.000Z to 2026-03-31T00:00:00.000Z
          → Renew the certificate, and check the server's clock
          SSL Server Rating Guide 2009: certificate inspection, dates
        ✗ The chain is not publicly trusted [high]
          it ends in the local authority CN=Example Root
          → Use a certificate of a public authority, or have the clients trust the
            local one
          SSL Server Rating Guide 2009: certificate inspection, trust
        ✗ TLS 1.0 is offered [medium]
          TLSv1.0 is accepted
          → Turn TLS 1.0 off
          SSL Server Rating Guide 2009q: TLS 1.0 and TLS 1.1

      Not known
        ? Whether insecure suites are offered is not known [critical]
          TLSv1.3 suites: timed out after 3 s, twice
        ? Whether reference browsers get forward secrecy is not known [medium]
          TLSv1.3 suites: timed out after 3 s, twice
        ? Whether reference browsers get authenticated encryption is not known
          [medium]
          TLSv1.3 suites: timed out after 3 s, twice
        ? The HSTS policy is not known [low]
          connection reset
        ? Whether HSTS lasts six months is not known [low]
          connection reset
        ? Invalid Public-Key-Pins: not known [low]
          connection reset
        ? Not examined or not known, and left out of the grade: Revoked certificate;
          DROWN; Debian weak key; Suites without encryption; HSTS preload; BREACH;
          Headers that protect; Tolerance of unknown and large hellos; Reference
          browsers

      Information
        · The RSA certificate demands a stapled status and none is sent [high]
          → Turn stapling on
        · SWEET32, exposed by configuration: ciphers with 64-bit blocks are offered
          [medium]
          TLS_RSA_WITH_3DES_EDE_CBC_SHA (TLSv1.0)
          → Remove 3DES, DES, IDEA and RC2
        · BEAST, exposed by configuration: CBC suites are offered with TLS 1.0 or SSL
          3.0 [low]
          TLS_RSA_WITH_AES_128_CBC_SHA (TLSv1.0), TLS_RSA_WITH_3DES_EDE_CBC_SHA (TLS …
          → Turn TLS 1.0 and SSL 3.0 off
        · LUCKY13, exposed by configuration: CBC suites are offered; whether the
          implementation leaks time is not measured [low]
          TLS_RSA_WITH_AES_128_CBC_SHA (TLSv1.0), TLS_RSA_WITH_3DES_EDE_CBC_SHA (TLS …
          → Remove the CBC suites
        · Suites without forward secrecy are offered [low]
          TLS_RSA_WITH_AES_128_CBC_SHA (TLSv1.0), TLS_RSA_WITH_3DES_EDE_CBC_SHA (TLS …
          → Remove the suites with RSA, DH and ECDH key exchange
        · Port 80 answers without leading to HTTPS [low]
          → Answer port 80 with a redirect to the same address with https
        · Post-quantum hybrid negotiated: X25519MLKEM768 (offered: X25519MLKEM768)
        · Curve in use: X25519MLKEM768 (SafeCurves: X25519 is safe)
        · No ephemeral key was seen twice (TLSv1.3 X25519: 6 different of 6)
        · Who chooses the suite: TLSv1.0 client, TLSv1.2 server
        · No session ticket is issued (TLS 1.3 tickets: 0; TLS 1.2 ticket: false)
        · Sessions are not resumed (session id: no; ticket: no; pre-shared key: no)
        · Application protocol: http/1.1
        · Application protocols: http/1.1
        · Encrypted ClientHello is not offered: server names can be read on the way
        · Without a server name the same certificate is sent
        · The RSA certificate was issued after a domain's validation (DV)
        · QUIC is not offered: the UDP port of the same number is closed
        · CAA: any authority may issue certificates for this name
        · No TLSA record binds the certificate (_443._tcp.www.example.org)
        · No HTTPS record is published (www.example.org)

      65 rules pass. 33 connections, 9.1 kB sent, 48.3 kB received, 0.06 s.
      "
    `);
  });

  test("the rulebooks with levels take a line each where they are content, and say why where they are not", () => {
    const shown = (report: Report, width = 100): string => {
      const text = toText(report, { colour: false, width });
      return /^Other rulebooks\n([^]*?)\n\n/m.exec(text)?.[1] ?? "";
    };
    expect(shown(best)).toBe(
      [
        "  AAA           yes",
        "  mozilla-6.0   intermediate, limited by protocols, cipher suites",
        "  ncsc-nl-2025  sufficient, limited by protocols, cipher suites, certificate signatures",
      ].join("\n"),
    );
    const open = judge(
      observations({ clientRenegotiation: failed("timed out"), certificates: best.observations.certificates }),
    );
    expect(shown(open)).toContain(
      "  AAA           not known\n                NCSC-NL finds nothing worse than sufficient: not known",
    );
    expect(shown(open)).toContain("  ncsc-nl-2025  not known\n                renegotiation: timed out");
    expect(shown(judge(observations(), { rulebooks: [] }))).toBe("  AAA           not judged");
    expect(toText(good, { colour: false, width: 100 }).split("Failed")).toHaveLength(1);
  });

  test("colours change nothing but colours", () => {
    const coloured = toText(bad, { colour: true, width: 80 });
    expect(coloured.replace(/\u001b\[\d+m/g, "")).toBe(toText(bad, { colour: false, width: 80 }));
    expect(coloured).not.toBe(toText(bad, { colour: false, width: 80 }));
  });

  test("a page is 40 columns wide at least and 120 at most, whatever the terminal", () => {
    const wide = (width: number): string => toText(bad, { colour: false, width });
    expect(wide(1)).toBe(wide(40));
    expect(wide(41)).not.toBe(wide(40));
    expect(wide(500)).toBe(wide(120));
    expect(wide(110)).not.toBe(wide(120));
    expect(
      Math.max(
        ...wide(120)
          .split("\n")
          .map((line) => line.length),
      ),
    ).toBeGreaterThan(110);
  });

  test.each([40, 60, 80, 120])("no line is longer than %i columns", (width) => {
    for (const report of [good, best, bad, hostile]) {
      const lines = toText(report, { colour: false, width }).split("\n");
      expect(lines.filter((line) => line.length > width)).toEqual([]);
    }
  });

  test("hostile texts cannot drive the terminal", () => {
    expect(attack).toMatch(dangerous);
    expect(toText(hostile, { colour: false, width: 100 })).not.toMatch(dangerous);
  });

  test("a grade that cannot be said shows the two that it lies between, and why", () => {
    const shown = (changes: Parameters<typeof observations>[0]): string =>
      toText(judge(observations(changes)), { colour: false, width: 100 });
    expect(shown({ http: failed("the answer is not HTTP/1") })).toMatch(
      /^A- to A\+ ssllabs-2009r: incomplete: something decisive is not known$/m,
    );
    expect(shown({ groups: failed("timed out") })).toMatch(/^F to A\+ ssllabs-2009r: incomplete/m);
    const expired = observed([chain({}, { validNow: false })]);
    expect(shown({ certificates: expired, http: failed("timed out") })).toMatch(
      /^T +ssllabs-2009r: with trust aside: incomplete, A- to A\+$/m,
    );
    const trust = observed({ trusted: true, local: true, anchor: "CN=Example Root", reason: null });
    expect(shown({ certificates: observed([chain({}, { trust })]), http: failed("timed out") })).toMatch(
      /^A- to A\+ ssllabs-2009r: trust aside, incomplete; T for whoever does not know the local authority$/m,
    );
  });

  test("ten thousand names are told in short", () => {
    const names = Array.from({ length: 10_000 }, (_, index) => `host-${index}.example.org`);
    const text = toText(judge(observations({ certificates: observed([chain({ names })]) })), {
      colour: false,
      width: 100,
    });
    expect(text.replace(/\s+/g, " ")).toContain("and 9992 more");
    expect(text.length).toBeLessThan(6000);
  });

  test("certificates without a chain, and an empty list, do not break it", () => {
    for (const certificates of [
      [],
      [chain({}, { certificates: [] })],
      [chain({}, { certificates: [certificate({ subject: "", names: [] })] })],
    ]) {
      expect(
        toText(judge(observations({ certificates: observed(certificates) })), { colour: false, width: 80 }),
      ).toContain("Certificate");
    }
  });
});

describe("cleaning", () => {
  test.each([
    ["a\u001b[31mb", "a\ufffd[31mb"],
    ["line\nbreak\ttab", "line\ufffdbreak\ufffdtab"],
    ["\u202egro.elpmaxe", "\ufffdgro.elpmaxe"],
    ["half \ud800 pair, whole \u{1f512}", "half \ufffd pair, whole \u{1f512}"],
    ["Zoë 東京 مثال", "Zoë 東京 مثال"],
  ])("%j becomes %j", (from, to) => {
    expect(clean(from)).toBe(to);
  });

  test("a long text is cut and says how long it was", () => {
    expect(clean("x".repeat(5000))).toBe(`${"x".repeat(400)} … (5000 characters)`);
  });
});

describe("json", () => {
  test("parses to the same report, and carries no raw control character", () => {
    for (const report of [good, bad, hostile]) {
      expect(JSON.parse(toJson(report))).toEqual(JSON.parse(JSON.stringify(report)));
      expect(toJson(report)).not.toMatch(dangerous);
    }
    expect(JSON.parse(toJson({ text: attack }))).toEqual({ text: attack });
  });
});
