import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { concludeCbc } from "../../../src/probe/flaws/cbc-oracles.ts";
import { cbcPlaintext, cbcVectors, fit, type CbcVector } from "../../../src/probe/flaws/cbc-vectors.ts";
import { concludeCcs } from "../../../src/probe/flaws/ccs-injection.ts";
import { concludeHeartbleed } from "../../../src/probe/flaws/heartbleed.ts";
import { concludeTaken, malformedHello } from "../../../src/probe/flaws/ocsp-extension.ts";
import { classOf, type Reaction } from "../../../src/probe/flaws/reaction.ts";
import { isTaken } from "../../../src/probe/flaws/renegotiation.ts";
import { concludeRobot, secretBlock } from "../../../src/probe/flaws/robot.ts";
import { concludeTicketbleed } from "../../../src/probe/flaws/ticketbleed.ts";
import { buildHello } from "../../../src/probe/client/hello.ts";
import {
  ascii,
  cbcOf,
  cbcProtection,
  createRecordParser,
  decodeClientHello,
  encodeHandshake,
  suites,
  type Extension,
} from "../../../src/wire/index.ts";
import { readBroken, readHello } from "../../integration/probe/mock-parsers.ts";
import { flightOf } from "./flights.ts";

const random = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => 1 + (index % 250));
const alert = (number: number): Reaction => ({ kind: "alert", level: 2, alert: number });
const present = (outcome: { state: string; value?: unknown }): unknown =>
  outcome.state === "observed" ? (outcome.value as { present: boolean }).present : outcome.state;

describe("the malformed hello of ocsp-extension", () => {
  const names = fc.integer({ min: 1, max: 253 }).map((length) => "a".repeat(length));

  it("is refused by a sound parser, and lands the flawed one on its end, whatever the server's name", () => {
    fc.assert(
      fc.property(names, fc.boolean(), (serverName, plain) => {
        const plan = { protocol: "TLSv1.2", suites: [0xc02f], plain } as const;
        const hello = decodeClientHello(malformedHello(buildHello(plan, { serverName, random })).message.subarray(4));
        expect(readHello(hello, "strict")).toBeNull();
        const [flawed, skipping] = [readHello(hello, "reads on")!, readHello(hello, "skips")!];
        expect(flawed.at(-1)).toBe(5);
        expect(skipping.slice(flawed.length)).toEqual([0, 0xff01, 35]);
      }),
    );
  });

  it("is judged by what the server saw of the extensions behind the error", () => {
    const info: Extension = { type: 0xff01, data: Uint8Array.of(0) };
    const [aware, not] = [flightOf({ extensions: [info] }), flightOf()];
    expect(concludeTaken(not, aware, false).present).toBe(true);
    expect(concludeTaken(aware, aware, true).present).toBe(false);
    expect(concludeTaken(not, not, true).present).toBe(true);
    expect(concludeTaken(not, not, false).present).toBe(false);
  });
});

describe("ccs-injection", () => {
  const silence: Reaction = { kind: "silence" };
  it.each<[string, Reaction, Reaction | null, unknown]>([
    ["an alert", alert(10), null, false],
    ["a closed connection", { kind: "closed" }, null, false],
    ["silence, then bad_record_mac", silence, alert(20), true],
    ["silence, then closed", silence, { kind: "closed" }, true],
    ["silence, then unexpected_message", silence, alert(10), false],
    ["silence, then another alert", silence, alert(47), "failed"],
    ["silence for good", silence, silence, "failed"],
    ["a record", { kind: "record", type: 22, content: Uint8Array.of(1) }, null, "failed"],
  ])("%s", (_name, early, late, expected) => {
    expect(
      present(
        concludeCcs([
          { early, late },
          { early, late },
        ]),
      ),
    ).toBe(expected);
  });

  it("is unknown when two tries differ", () => {
    const tries = [
      { early: alert(10), late: null },
      { early: silence, late: alert(20) },
    ];
    expect(present(concludeCcs(tries))).toBe("failed");
  });
});

describe("heartbleed", () => {
  const beat = (length: number): Reaction => ({ kind: "record", type: 24, content: new Uint8Array(length) });
  it.each<[string, readonly Reaction[], unknown]>([
    ["a long answer", [beat(83)], true],
    ["the sound one's answer", [beat(35)], false],
    ["an alert", [alert(10)], false],
    ["closed twice", [{ kind: "closed" }, { kind: "closed" }], false],
    ["a reset, as a device between could send", [{ kind: "reset" }, { kind: "reset" }], "failed"],
    ["silence", [{ kind: "silence" }, { kind: "silence" }], "failed"],
    ["silence, then a long answer out of the server's buffer", [{ kind: "silence" }, beat(83)], true],
    ["silence, then the sound one's answer", [{ kind: "silence" }, beat(35)], false],
    ["silence, then an alert for what was out of place", [{ kind: "silence" }, alert(10)], "failed"],
    ["a handshake record", [{ kind: "record", type: 22, content: new Uint8Array(100) }], "failed"],
  ])("%s", (_name, reactions, expected) => {
    expect(present(concludeHeartbleed(reactions))).toBe(expected);
  });
});

describe("ticketbleed", () => {
  const longer = (tail: string) => ({ kind: "longer", length: 32, tail }) as const;
  const [same, other] = [
    { kind: "same", length: 16, tail: "" },
    { kind: "other", length: 32, tail: "" },
  ] as const;
  it.each([
    [[same], false],
    [[longer("a"), longer("b"), longer("c")], true],
    [[other, same], false],
    [[longer("a"), other, other], "untestable"],
    [[other, other, other], "the server issues tickets and took none of them up, in 3 tries"],
  ])("%j", (seen, expected) => {
    const outcome = concludeTicketbleed(seen);
    expect([present(outcome), "why" in outcome ? outcome.why : null]).toContain(expected);
  });
});

describe("a second hello under the keys", () => {
  const record = (type: number, first: number): Reaction => ({ kind: "record", type, content: Uint8Array.of(first) });
  it.each<[string, Reaction, unknown]>([
    ["ServerHello", record(22, 2), true],
    ["no_renegotiation", { kind: "alert", level: 1, alert: 100 }, false],
    ["data", record(23, 72), false],
    ["a closed connection", { kind: "closed" }, false],
    ["bad_record_mac, which would be our own fault", alert(20), "failed"],
    ["silence", { kind: "silence" }, "failed"],
    ["another handshake message", record(22, 4), "failed"],
  ])("answered by %s", (_name, reaction, expected) => {
    const taken = isTaken(reaction);
    expect(taken.state === "observed" ? taken.value : taken.state).toBe(expected);
  });
});

describe("robot", () => {
  const even = {
    sound: "alert 20",
    "wrong head": "alert 20",
    "zero misplaced": "alert 20",
    "no zero": "alert 20",
    "wrong version": "alert 20",
  };
  it("compares passes", () => {
    const odd = { ...even, "wrong head": "alert 47" };
    const mute = Object.fromEntries(Object.keys(even).map((form) => [form, "silence"])) as typeof even;
    expect(present(concludeRobot([even]))).toBe(false);
    expect(present(concludeRobot([odd, odd, odd]))).toBe(true);
    expect(present(concludeRobot([odd, even, odd]))).toBe("failed");
    expect(present(concludeRobot([mute]))).toBe("failed");
    expect(present(concludeRobot([]))).toBe("failed");
  });

  it("knows nothing of a server whose answers cannot be read", () => {
    const of = (seen: string) => Object.fromEntries(Object.keys(even).map((form) => [form, seen])) as typeof even;
    const some = { ...even, "no zero": "garbage before the rest" };
    for (const passes of [[of("garbage")], [of("garbage before the rest")], [some, some, some]])
      expect(concludeRobot(passes)).toMatchObject({ state: "failed", why: expect.stringContaining("cannot be read") });
  });

  it("has blocks as long as the modulus that differ from a sound one as told", () => {
    const of = { bits: 2048, version: 0x0303, random };
    const sound = secretBlock("sound", of);
    const differs = (block: Uint8Array): number[] =>
      [...block].flatMap((byte, index) => (byte === sound[index] ? [] : [index]));
    expect([...sound.subarray(0, 2), sound[207], sound[208], sound[209]]).toEqual([0, 2, 0, 3, 3]);
    expect(sound.subarray(2, 207).includes(0)).toBe(false);
    expect(differs(secretBlock("wrong head", of))).toEqual([0, 1]);
    expect(differs(secretBlock("no zero", of))).toEqual([207]);
    expect(differs(secretBlock("zero misplaced", of))).toEqual([207, 254]);
    expect(differs(secretBlock("wrong version", of))).toEqual([208, 209]);
    expect([...secretBlock("wrong head", { ...of, bits: 2041 }).subarray(0, 2)]).toEqual([0, 0x17]);
    expect(() => secretBlock("sound", { ...of, bits: 464 })).toThrow("an RSA key of 464 bits");
  });
});

describe("malformed CBC records", () => {
  const known = suites.filter(({ id }) => cbcOf(id) !== undefined);

  it.each<[CbcVector, object]>([
    ["wrong MAC", { padding: "right", mac: false }],
    ["wrong padding", { padding: "wrong", mac: true }],
    ["both wrong", { padding: "wrong", mac: false }],
    ["no room", { padding: "right", mac: false, length: expect.any(Number) }],
    ["empty", { padding: "right", mac: false, length: 0 }],
    ["letters", { padding: "none", mac: false }],
  ])("are what they are called, with every suite: %s", (form, expected) => {
    for (const { id, encryption } of known) {
      if (form === "letters" && !encryption.startsWith("AES")) continue;
      const cbc = cbcOf(id)!;
      const keys = { macKey: random(cbc.macLength), key: random(cbc.keyLength), iv: random(cbc.blockLength) };
      const of = { version: 0x0303, encryptThenMac: false, random };
      const [sealing, opening] = [cbcProtection(cbc, keys, of), cbcProtection(cbc, keys, of)];
      const request = ascii(fit("GET / HTTP/1.1\r\nX: a\r\n\r\n", cbc));
      const sealed = sealing.sealPlaintext(23, cbcPlaintext(form, { sealing, request, random }));
      const [record] = createRecordParser().push(sealed);
      expect(readBroken(opening, record!)).toMatchObject(expected);
    }
  });

  const wrong = Object.fromEntries(cbcVectors.map((form) => [form, "alert 20 (bad_record_mac)"]));
  it.each<[string, Partial<Record<CbcVector, string>>, string[]]>([
    ["nothing", {}, []],
    ["data for padding alone", { "wrong padding": "data" }, ["poodle-tls"]],
    ["an alert of its own for it", { "wrong padding": "closed" }, ["zombie-poodle"]],
    ["silence for it", { "wrong padding": "silence" }, ["sleeping-poodle"]],
    ["data for a wrong MAC", { "wrong MAC": "data" }, ["goldendoodle", "zero-length"]],
    ["an empty record apart", { empty: "closed" }, ["zero-length"]],
    [
      "record_overflow for letters, and for what has no room",
      { letters: "alert 22 (record_overflow)", "no room": "alert 22 (record_overflow)" },
      ["lucky-minus-20"],
    ],
    ["record_overflow for what has no room alone", { "no room": "alert 22 (record_overflow)" }, ["zero-length"]],
    ["another alert for letters", { letters: "alert 21 (decryption_failed)" }, []],
  ])("show: %s", (_name, changes, expected) => {
    const pass = { ...wrong, ...changes };
    const seen = concludeCbc([pass, pass, pass]);
    expect(Object.entries(seen).flatMap(([name, outcome]) => (present(outcome) === true ? [name] : []))).toEqual(
      expected,
    );
    expect(Object.values(seen).filter(({ state }) => state !== "observed")).toEqual([]);
  });

  it("show nothing for certain where passes vary, or where all is silence", () => {
    const odd = { ...wrong, "wrong padding": "alert 21 (decryption_failed)" };
    expect(present(concludeCbc([odd, wrong, odd])["zombie-poodle"])).toBe("failed");
    expect(present(concludeCbc([odd, wrong, odd])["lucky-minus-20"])).toBe(false);
    const mute = Object.fromEntries(cbcVectors.map((form) => [form, "silence"]));
    expect(Object.values(concludeCbc([mute])).map(({ state }) => state)).toEqual(Array(6).fill("failed"));
  });
});

describe("malformed CBC records whose answers cannot be read", () => {
  const of = (seen: string) => Object.fromEntries(cbcVectors.map((form) => [form, seen]));
  const some = { ...of("alert 20 (bad_record_mac)"), empty: "garbage" };
  it.each([[[of("garbage")]], [[some, some, some]]])("show nothing: %j", (passes) => {
    expect(Object.values(concludeCbc(passes)).map(({ state }) => state)).toEqual(Array(6).fill("failed"));
  });
});

describe("classes of reactions", () => {
  it("do not tell FIN from RST, and tell alerts apart", () => {
    expect(classOf({ kind: "closed" })).toBe(classOf({ kind: "reset" }));
    expect(classOf(alert(20))).not.toBe(classOf(alert(21)));
    expect(classOf({ kind: "record", type: 22, content: encodeHandshake(0, new Uint8Array(0)) })).toBe(
      "a record of type 22",
    );
  });
});
