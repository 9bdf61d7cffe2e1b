import { describe, expect, it } from "vitest";

import { answerOf } from "../../../src/probe/client/answer.ts";
import type { Channel } from "../../../src/probe/client/channel.ts";
import { handshake12 } from "../../../src/probe/client/client12.ts";
import { canComplete, leafKey } from "../../../src/probe/client/client12-keys.ts";
import { openHandshake } from "../../../src/probe/flaws/opening.ts";
import { secretBlock } from "../../../src/probe/flaws/robot.ts";
import { buildHello, type Hello } from "../../../src/probe/client/hello.ts";
import type { Look } from "../../../src/probe/look.ts";
import { rsaBits, rsaRaw, suiteOf, suites } from "../../../src/wire/index.ts";
import { drawFrom, mutate } from "../../tools/fuzz/mutate.ts";
import { seeds, type Seed } from "../../tools/fuzz/seeds.ts";

const random = (length: number): Uint8Array => new Uint8Array(length).fill(7);
const look = { roundTripMs: () => 0 } as Look;
const classic = seeds.filter(
  ({ kind, protocol, bytes }) => kind === "flight" && protocol !== "TLSv1.3" && bytes.length > 7,
);

function helloFor(protocol: Seed["protocol"]): Hello {
  return buildHello({ protocol, suites: suites.map(({ id }) => id) }, { serverName: "localhost", random });
}

/** Gives the bytes, then the end of the connection; keeps what it is sent. */
function channelOf(bytes: Uint8Array): Channel & { sent: Uint8Array[] } {
  const parts = [bytes];
  const sent: Uint8Array[] = [];
  return { sent, send: (some) => void sent.push(some), receive: () => Promise.resolve(parts.shift() ?? null) };
}

/** How our half of a handshake ends, and the messages it got to send. */
async function play({ protocol }: Seed, bytes: Uint8Array): Promise<{ ended: string; sent: number }> {
  const channel = channelOf(bytes);
  try {
    await handshake12(channel, helloFor(protocol), random);
    return { ended: "done", sent: channel.sent.length };
  } catch (error) {
    // Throws what is not the peer's doing.
    return { ended: answerOf(error).kind, sent: channel.sent.length };
  }
}

describe("which suites can be completed", () => {
  it("is told by key exchange and cipher", () => {
    const ids = [0x002f, 0x009c, 0x0033, 0xc013, 0xc02f, 0xcca8, 0x000a, 0xc061];
    expect(ids.map((id) => [suiteOf(id).name, canComplete(id)])).toEqual(
      ids.map((id) => [suiteOf(id).name, id !== 0xc061]),
    );
    expect([0x1301, 0x0005, 0x0001, 0x0034, 0x008c, 0x0008, 0xc004].filter(canComplete)).toEqual([]);
  });
});

describe("our half of a handshake", () => {
  it("answers what servers of all kinds really sent", async () => {
    const played = await Promise.all(classic.map(async (seed) => ({ seed, ...(await play(seed, seed.bytes)) })));
    const complete = played.filter(({ sent }) => sent > 1);
    // Then the recording is over, and the server closes.
    expect(new Set(complete.map(({ ended }) => ended))).toEqual(new Set(["closed"]));
    expect(complete.length).toBeGreaterThan(5);
  });

  it("takes mutated flights for the peer's fault, whatever they say", async () => {
    const draw = drawFrom(12);
    const ends = new Map<string, number>();
    for (let run = 0; run < 1500; run++) {
      const [seed, other] = [classic[draw(classic.length)]!, classic[draw(classic.length)]!];
      const { ended } = await play(seed, mutate(seed.bytes, other.bytes, draw));
      ends.set(ended, (ends.get(ended) ?? 0) + 1);
    }
    expect(ends.get("closed")).toBeGreaterThan(0);
    expect(ends.get("garbage")).toBeGreaterThan(0);
  });

  it("refuses mutated RSA keys that cannot be computed with", async () => {
    const draw = drawFrom(13);
    let computed = 0;
    for (let run = 0; run < 600; run++) {
      const seed = classic[draw(classic.length)]!;
      try {
        const opening = await openHandshake(
          look,
          channelOf(mutate(seed.bytes, seed.bytes, draw)),
          helloFor(seed.protocol),
        );
        const key = leafKey(opening.flight);
        rsaRaw(key, secretBlock("wrong head", { bits: rsaBits(key), version: 0x0303, random }));
        computed++;
      } catch (error) {
        answerOf(error);
      }
    }
    expect(computed).toBeGreaterThan(0);
  });
});
