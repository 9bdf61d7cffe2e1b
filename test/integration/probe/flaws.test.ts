import { beforeAll, describe, expect, it } from "vitest";

import type { FlawName } from "../../../src/probe/index.ts";
import { mockServer, type MockServer, type Move } from "./mock-server.ts";
import type { BrokenRecord } from "./mock-parsers.ts";
import { withMock } from "./mock.ts";
import { issue, scratch, withServer } from "./support.ts";
import { flawsAt, mockWithKey, sorted } from "./flaws-support.ts";

const rsa = [0x009c, 0x002f];
const cbc = [0xc013];

let server: (changes?: Partial<MockServer>) => MockServer;
let folder: string;
beforeAll(async () => {
  folder = await scratch();
  server = await mockWithKey();
});

async function look(changes?: Partial<MockServer>) {
  const seen = await withMock(mockServer(server(changes)), flawsAt);
  return { ...seen, ...sorted(seen.flaws), why: (name: FlawName) => JSON.stringify(seen.flaws[name]) };
}

describe("a server that has none of the flaws", () => {
  it("costs five connections and no waiting where most cannot be there", async () => {
    const seen = await look();
    expect(seen.present).toEqual([]);
    expect(seen.absent).toEqual(["ccs-injection", "ocsp-extension", "insecure-renegotiation"]);
    expect(seen.unknown).toEqual([]);
    expect(seen.clientRenegotiation).toEqual({ state: "observed", value: false });
    expect(seen.connections).toBe(5);
    for (const name of seen.inapplicable) expect(seen.why(name)).toContain("not applicable: ");
  });

  it("is found without all of them where all could be there", async () => {
    const seen = await look({
      suites: [...cbc, ...rsa],
      heartbeat: "sound",
      tickets: "sound",
      staple: Uint8Array.of(1),
    });
    expect(seen.present).toEqual([]);
    expect(seen.unknown).toEqual([]);
    expect(seen.inapplicable).toEqual([]);
    expect(seen.absent).toHaveLength(12);
  });

  it.each([0x0302, 0x0301])("is looked at in an older version too: 0x%s", async (version) => {
    const seen = await look({ versions: [version], suites: [...cbc, 0x002f], heartbeat: "sound", tickets: "sound" });
    expect(seen.present).toEqual([]);
    expect(seen.unknown).toEqual([]);
    expect(seen.absent).toHaveLength(12);
  });
});

describe("heartbleed", () => {
  it("is seen in an answer that is longer than its question", async () => {
    const seen = await look({ heartbeat: "bleeds" });
    expect(seen.present).toEqual(["heartbleed"]);
    expect(seen.why("heartbleed")).toContain("answered with 83 bytes");
  });

  it.each<[Move, "absent"]>([
    [10, "absent"],
    ["close", "absent"],
  ])("with %s in place of an answer is %s", async (heartbeat, list) => {
    expect((await look({ heartbeat }))[list]).toContain("heartbleed");
  });
});

describe("ccs-injection", () => {
  it("is seen in a server that takes an early ChangeCipherSpec without a word", async () => {
    const seen = await look({ earlyCcs: "taken" });
    expect(seen.present).toEqual(["ccs-injection"]);
    expect(seen.why("ccs-injection")).toContain("can no longer be read: alert 20");
  });

  it("is not there where the connection is closed", async () => {
    const seen = await look({ earlyCcs: "close" });
    expect(seen.absent).toContain("ccs-injection");
  });
});

describe("ocsp-extension", () => {
  it("is seen in a parser that reads on behind the end", async () => {
    expect((await look({ statusParser: "reads on", staple: Uint8Array.of(1) })).present).toEqual(["ocsp-extension"]);
  });

  it("is told from a parser that does not look, stapling or not", async () => {
    const [stapling, not] = [
      await look({ statusParser: "skips", staple: Uint8Array.of(1) }),
      await look({ statusParser: "skips" }),
    ];
    expect(stapling.absent).toContain("ocsp-extension");
    expect(not.absent).toContain("ocsp-extension");
    expect(not.why("ocsp-extension")).toContain("without a look inside");
  });

  it("is supposed where the server staples and nothing else tells", async () => {
    const seen = await look({ statusParser: "reads on", staple: Uint8Array.of(1), unaware: true });
    expect(seen.present).toContain("ocsp-extension");
    expect(seen.why("ocsp-extension")).toContain("by a server that staples");
    const without = await look({ statusParser: "skips", unaware: true });
    expect(without.why("ocsp-extension")).toContain("does not staple");
  });
});

describe("ticketbleed", () => {
  it("is seen in a session id that comes back longer", async () => {
    const seen = await look({ tickets: "bleeds" });
    expect(seen.present).toEqual(["ticketbleed"]);
    expect(seen.why("ticketbleed")).toContain("comes back with 32, in 3 of 3 tries, 3 different");
  });

  it("is unknown where tickets are never taken up", async () => {
    const seen = await look({ tickets: "never" });
    expect(seen.unknown).toContain("ticketbleed");
    expect(seen.why("ticketbleed")).toContain("issues tickets and took none of them up");
  });
});

const isPadded = (block: Uint8Array): boolean => block[0] === 0 && block[1] === 2;

describe("robot", () => {
  const isSound = (block: Uint8Array): boolean => isPadded(block) && block[block.length - 49] === 0;

  it("is seen, strong, in an alert of its own for what begins wrong", async () => {
    const seen = await look({ suites: rsa, secret: (block) => (isPadded(block) ? "go on" : 47) });
    expect(seen.present).toEqual(["robot"]);
    expect(seen.why("robot")).toContain("a strong oracle");
  });

  it("is seen, weak, where all that is wrong is taken alike", async () => {
    const isRight = (block: Uint8Array): boolean => isSound(block) && block[block.length - 48] === 3;
    const seen = await look({ suites: rsa, secret: (block) => (isRight(block) ? "go on" : 51) });
    expect(seen.present).toEqual(["robot"]);
    expect(seen.why("robot")).toContain("a weak oracle");
  });

  it("is seen in a server that tells only while nothing has followed", async () => {
    const seen = await look({ suites: rsa, secret: (block, last) => (last && !isSound(block) ? 40 : "go on") });
    expect(seen.present).toEqual(["robot"]);
    expect(seen.why("robot")).toContain("before the rest");
  });

  it("is unknown where answers change from try to try", async () => {
    let count = 0;
    const fickle = await look({ suites: [0x009c], secret: () => (count++ % 4 === 0 ? 47 : "go on") });
    expect(fickle.unknown).toContain("robot");
    expect(fickle.why("robot")).toContain("vary from try to try");
  });
});

const wrongPadding = ({ padding, mac }: BrokenRecord): boolean => padding === "wrong" && mac;
const wrongMac = ({ padding, mac, length }: BrokenRecord): boolean => padding === "right" && !mac && length > 0;
const empty = ({ padding, length }: BrokenRecord): boolean => padding === "right" && length === 0;

describe("flaws of CBC", () => {
  it.each<[string, (record: BrokenRecord) => Move, FlawName[]]>([
    ["padding that nobody looks at", (record) => (wrongPadding(record) ? "go on" : 20), ["poodle-tls"]],
    ["an alert of its own for padding alone", (record) => (wrongPadding(record) ? 21 : 20), ["zombie-poodle"]],
    ["padding alone that closes", (record) => (wrongPadding(record) ? "close" : 20), ["zombie-poodle"]],
    ["a MAC that nobody looks at", (record) => (wrongMac(record) ? "go on" : 20), ["goldendoodle", "zero-length"]],
    [
      "decryption_failed for padding (Vaudenay)",
      ({ padding }) => (padding === "right" ? 20 : 21),
      ["goldendoodle", "zero-length"],
    ],
    ["an empty record with an alert of its own", (record) => (empty(record) ? 10 : 20), ["zero-length"]],
    [
      "record_overflow for more padding than room",
      ({ length, padding }) => (padding === "none" || length < 0 ? 22 : 20),
      ["lucky-minus-20"],
    ],
  ])("are seen: %s", async (_name, broken, present) => {
    const seen = await look({ suites: cbc, broken });
    expect(seen.present).toEqual(expect.arrayContaining([present[0]]));
    expect(seen.present.filter((name) => !present.includes(name))).toEqual([]);
    expect(seen.unknown).toEqual([]);
  });

  it("are looked for with 3DES, where CVE-2016-2107 cannot be", async () => {
    const seen = await look({ suites: [0xc012], broken: (record) => (wrongPadding(record) ? "go on" : 20) });
    expect(seen.present).toEqual(["poodle-tls"]);
    expect(seen.why("lucky-minus-20")).toContain("not applicable: no suite with AES");
  });

  it.each<[string, readonly number[], (on: { suite: number; version: number }) => boolean, string]>([
    ["AES with SHA-384", [0x0303], ({ suite }) => suite === 0xc028, "TLSv1.2 with ECDHE-RSA-AES256-SHA384"],
    ["3DES", [0x0303], ({ suite }) => suite === 0xc012, "TLSv1.2 with ECDHE-RSA-DES-CBC3-SHA"],
    ["TLS 1.0", [0x0303, 0x0301], ({ version }) => version === 0x0301, "TLSv1.0 with ECDHE-RSA-DES-CBC3-SHA"],
    ["TLS 1.1", [0x0302, 0x0301], ({ version }) => version === 0x0302, "TLSv1.1 with ECDHE-RSA-AES128-SHA"],
  ])("are seen where only one code path has them: %s", async (_name, versions, isFlawed, where) => {
    const seen = await look({
      versions,
      suites: [0xc013, 0xc012, 0xc027, 0xc028],
      broken: (record, on) => (isFlawed(on) && empty(record) ? 10 : 20),
    });
    expect(seen.present).toEqual(["zero-length"]);
    expect(seen.unknown).toEqual([]);
    expect(seen.why("zero-length")).toContain(`"${where}: wrong MAC: alert 20`);
    expect(seen.why("zero-length")).toContain("; not seen with TLSv1");
  });

  it("are unknown where one code path answers differently from try to try", async () => {
    let count = 0;
    const seen = await look({
      suites: [0xc013, 0xc012],
      broken: (_record, { suite }) => (suite === 0xc012 && count++ % 3 === 0 ? 21 : 20),
    });
    expect(seen.present).toEqual([]);
    expect(seen.unknown.length).toBeGreaterThan(0);
    expect(seen.why(seen.unknown[0]!)).toContain("not seen with TLSv1.2 with ECDHE-RSA-AES128-SHA");
  });

  it("are absent where what can be computed is sound, and the rest is named", async () => {
    const seen = await look({ suites: [0xc013, 0x0096] });
    expect(seen.absent).toContain("zombie-poodle");
    expect(seen.why("zombie-poodle")).toContain("; not looked at, as they cannot be computed here: SEED-SHA");
    expect(seen.why("lucky-minus-20")).not.toContain("SEED");
  });

  it("are unknown where answers change from try to try", async () => {
    let count = 0;
    const fickle = await look({ suites: cbc, broken: () => (count++ % 4 === 0 ? 21 : 20) });
    expect(fickle.present).toEqual([]);
    expect(fickle.unknown.length).toBeGreaterThan(0);
  });

  it("are nothing that a suite of our own making could hide: SEED cannot be computed here", async () => {
    expect((await look({ suites: [0x0096] })).unknown).toContain("poodle-tls");
  });
});

describe("renegotiation", () => {
  it("is insecure where a client without the extension may", async () => {
    const seen = await look({ renegotiation: "any" });
    expect(seen.present).toEqual(["insecure-renegotiation"]);
    expect(seen.clientRenegotiation).toEqual({ state: "observed", value: true });
  });

  it("is insecure in a server that does not know the extension, at one connection", async () => {
    const seen = await look({ renegotiation: "any", unaware: true });
    expect(seen.present).toEqual(["insecure-renegotiation"]);
    expect(seen.connections).toBe(4);
  });

  it("may be the client's and secure", async () => {
    const seen = await look({ renegotiation: "secure" });
    expect(seen.absent).toContain("insecure-renegotiation");
    expect(seen.clientRenegotiation).toEqual({ state: "observed", value: true });
  });

  it.each<[Move]>([["close"], [40]])("is refused by %s", async (renegotiation) => {
    const seen = await look({ renegotiation });
    expect(seen.clientRenegotiation).toEqual({ state: "observed", value: false });
    expect(seen.absent).toContain("insecure-renegotiation");
  });
});

// These wait; side by side.
describe.concurrent("silence", () => {
  it.each<[FlawName, Partial<MockServer>]>([
    ["heartbleed", { heartbeat: "silence" }],
    ["ccs-injection", { earlyCcs: "silence" }],
    ["ccs-injection", { earlyCcs: "go on" }],
    ["robot", { suites: [0xc02f, 0x009c], secret: () => "silence" }],
    ["poodle-tls", { suites: cbc, broken: () => "silence" }],
    ["insecure-renegotiation", { renegotiation: "silence" }],
  ])("is neither a pass nor a fail: %s %o", async (name, changes) => {
    const seen = await look(changes);
    expect(seen.unknown).toContain(name);
    expect(seen.present).toEqual([]);
  });

  it.each<[FlawName, Partial<MockServer>]>([
    ["robot", { suites: [0x009c], secret: (block) => (isPadded(block) ? "go on" : "silence") }],
    ["sleeping-poodle", { suites: cbc, broken: (record) => (wrongPadding(record) ? "silence" : 20) }],
    ["zero-length", { suites: cbc, broken: (record) => (empty(record) ? "silence" : 20) }],
  ])("counts where only some are met with it, again and again: %s", async (name, changes) => {
    expect((await look(changes)).present).toEqual([name]);
  });
});

describe("OpenSSL's own server", () => {
  it("renegotiates with anybody when it is told to", async () => {
    const insecure = ["-legacy_renegotiation", "-client_renegotiation"];
    const seen = await withServer([...(await rsaPair()), "-tls1_2", "-cipher", "ECDHE+AESGCM", ...insecure], flawsAt);
    expect(sorted(seen.flaws).present).toEqual(["insecure-renegotiation"]);
    expect(seen.clientRenegotiation).toEqual({ state: "observed", value: true });
  });

  it("has none of the flaws with suites of every kind", async () => {
    const seen = await withServer([...(await rsaPair()), "-cipher", "ALL:@SECLEVEL=0"], flawsAt);
    const { absent, inapplicable } = sorted(seen.flaws);
    expect(inapplicable).toEqual(["heartbleed"]);
    expect(absent).toHaveLength(11);
  });

  it("costs five connections when it is hardened", async () => {
    const hardened = ["-cipher", "ECDHE+AESGCM", "-no_ticket"];
    const seen = await withServer([...(await rsaPair()), ...hardened], flawsAt);
    expect(sorted(seen.flaws).absent).toEqual(["ccs-injection", "ocsp-extension", "insecure-renegotiation"]);
    expect(sorted(seen.flaws).unknown).toEqual([]);
    expect(seen.connections).toBe(5);
  });

  it("costs none when it speaks TLS 1.3 alone", async () => {
    const seen = await withServer([...(await rsaPair()), "-tls1_3"], flawsAt);
    expect(sorted(seen.flaws).inapplicable).toHaveLength(12);
    expect(seen.clientRenegotiation).toMatchObject({ why: "not applicable: no version of TLS before 1.3 is offered" });
    expect(seen.connections).toBe(0);
  });
});

async function rsaPair(): Promise<string[]> {
  const { certificate, key } = await issue(folder, { name: "flaws", key: "rsa:2048" });
  return ["-cert", certificate, "-key", key];
}
