import {
  concat,
  contentTypes,
  DecodeError,
  encodeHandshake,
  encodeRecords,
  handshakeTypes,
  nonZero,
  rsaRaw,
  rsaBits,
  uint,
  vector,
  versions,
  type Random,
} from "../../wire/index.ts";
import type { Channel } from "../client/channel.ts";
import { leafKey } from "../client/client12-keys.ts";
import { buildHello } from "../client/hello.ts";
import type { Look } from "../look.ts";
import { failed, observed } from "../outcome.ts";
import type { FlawSeen, Outcome } from "../types.ts";
import { planFor, type Opportunity } from "./known.ts";
import { openHandshake } from "./opening.ts";
import { comparePasses, isGarbage, type Pass, type Seen } from "./oracle.ts";
import { classOf, nextTelling } from "./reaction.ts";

/** Blocks that RSA key transport may hold: one as it must be, and four ways to be wrong. */
const vectors = ["sound", "wrong head", "zero misplaced", "no zero", "wrong version"] as const;
type RobotVector = (typeof vectors)[number];

/** How the rest of the handshake follows the key exchange: at once, or after a pause. Some servers only tell when nothing has followed yet. */
type Rest = "at once" | "later";
const rests: readonly Rest[] = ["at once", "later"];
/** The pause, in milliseconds; three round trips where that is longer. */
const pauseMs = 200;

/**
 * Flaw `robot` (CVE-2017-13099 and others; Bleichenbacher's oracle). `found` has suites with RSA key exchange. Sends five forms of the encrypted secret and compares
 * how the server takes them. Connections: 10; three times as many where answers differ.
 */
export async function probeRobot(look: Look, found: Opportunity): Promise<Outcome<FlawSeen>> {
  for (const rest of rests) {
    const passes = await comparePasses(look, vectors, (channel, vector) =>
      attempt(look, channel, { found, vector, rest }),
    );
    if ("state" in passes) return passes;
    const seen = concludeRobot(passes);
    if (seen.state !== "observed" || seen.value.present) return seen;
  }
  return observed({ present: false, evidence: "five forms of RSA-encrypted secrets are all taken alike" });
}

/** What passes show. A difference counts when every pass shows the same one. */
export function concludeRobot(passes: readonly Pass<RobotVector>[]): Outcome<FlawSeen> {
  const [first] = passes;
  if (first === undefined) return failed("nothing was compared");
  if (new Set(passes.map((pass) => JSON.stringify(pass))).size > 1)
    return failed(`the answers to RSA-encrypted secrets vary from try to try: ${describe(passes)}`);
  if (Object.values(first).some(isGarbage))
    return failed(`an answer to RSA-encrypted secrets cannot be read: ${describe([first])}`);
  const isEven = new Set(Object.values(first)).size === 1;
  if (isEven && first.sound === "silence") return failed("RSA-encrypted secrets are met with silence");
  if (isEven) return observed({ present: false, evidence: `every form is taken alike: ${first.sound}` });
  const isStrong = first["wrong head"] !== first["zero misplaced"] || first["zero misplaced"] !== first["no zero"];
  const evidence = `the answer tells whether an RSA-encrypted secret is well-formed (a ${isStrong ? "strong" : "weak"} oracle): ${describe([first])}`;
  return observed({ present: true, evidence });
}

function describe(passes: readonly Pass<RobotVector>[]): string {
  return passes.map((pass) => vectors.map((vector) => `${vector}: ${pass[vector]}`).join(", ")).join("; ");
}

async function attempt(
  look: Look,
  channel: Channel,
  { found, vector: form, rest }: { found: Opportunity; vector: RobotVector; rest: Rest },
): Promise<Seen> {
  const hello = buildHello(planFor(found), { serverName: look.target.serverName, random: look.random });
  const { flight, asksForCertificate, watch } = await openHandshake(look, channel, hello);
  const { version } = flight.serverHello;
  const key = leafKey(flight);
  const block = secretBlock(form, { bits: rsaBits(key), version: versions[found.protocol], random: look.random });
  const handshake = (type: number, body: Uint8Array): Uint8Array =>
    encodeRecords(contentTypes.handshake, version, encodeHandshake(type, body));
  const exchange = concat(
    asksForCertificate ? handshake(handshakeTypes.certificate, vector(3)) : new Uint8Array(0),
    handshake(handshakeTypes.clientKeyExchange, vector(2, rsaRaw(key, block))),
  );
  const finished = concat(
    encodeRecords(contentTypes.changeCipherSpec, version, Uint8Array.of(1)),
    encodeRecords(contentTypes.handshake, version, look.random(64)),
  );
  if (rest === "at once") {
    channel.send(concat(exchange, finished));
    return { seen: classOf(await nextTelling(watch)) };
  }
  channel.send(exchange);
  const early = await watch.next(Math.max(pauseMs, 3 * (look.roundTripMs() ?? 0)));
  if (early.kind !== "silence") return { seen: `${classOf(early)} before the rest` };
  channel.send(finished);
  return { seen: classOf(await nextTelling(watch)) };
}

/** A block of PKCS #1 type 2 with a premaster secret, or one that differs from it as told. As long as the modulus, and below it. */
export function secretBlock(form: RobotVector, of: { bits: number; version: number; random: Random }): Uint8Array {
  const size = Math.ceil(of.bits / 8);
  if (size < 59) throw new DecodeError(`an RSA key of ${of.bits} bits`);
  const filler = nonZero(of.random, size - 51);
  const secret = nonZero(of.random, 46);
  const put = (head: readonly number[], zero: number, version: number): Uint8Array =>
    concat(Uint8Array.from(head), filler, uint(1, zero), uint(2, version), secret);
  switch (form) {
    case "sound":
      return put([0, 2], 0, of.version);
    case "wrong head":
      // The modulus of an odd length may begin with less.
      return put([of.bits % 8 === 0 ? 0x41 : 0, 0x17], 0, of.version);
    case "zero misplaced": {
      const block = put([0, 2], 0x11, of.version);
      block[size - 2] = 0;
      return block;
    }
    case "no zero":
      return put([0, 2], 0x11, of.version);
    case "wrong version":
      return put([0, 2], 0, 0x0202);
  }
}
