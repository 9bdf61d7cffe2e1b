import { describe, expect, it } from "vitest";

import { answerOf } from "../../../src/probe/client/answer.ts";
import type { Channel } from "../../../src/probe/client/channel.ts";
import type { Known } from "../../../src/probe/flaws/known.ts";
import { probeOcspExtension } from "../../../src/probe/flaws/ocsp-extension.ts";
import { probeRenegotiation } from "../../../src/probe/flaws/renegotiation.ts";
import type { Look, Talked } from "../../../src/probe/look.ts";
import { flightOf } from "./flights.ts";

const known = {
  tls12: {
    plain: false,
    support: { state: "observed", value: { offered: true } },
    suites: { state: "observed", value: { suites: [{ id: 0xc02f }] } },
  },
} as unknown as Known;

function lookWith(talk: Look["talk"], changes: Partial<Look> = {}): Look {
  return {
    target: { host: "example.org", port: 443, serverName: "example.org", address: "192.0.2.1" },
    random: (length: number) => new Uint8Array(length).fill(1),
    flights: [],
    isFar: () => true,
    roundTripMs: () => 1,
    talk,
    ...changes,
  } as unknown as Look;
}

/** Talks over a channel that brings these bytes, then ends: how it failed. */
async function over<T extends object>(bytes: readonly number[], use: (channel: Channel) => Promise<T>) {
  const arriving = bytes.length === 0 ? [] : [Uint8Array.from(bytes)];
  const channel: Channel = { send: () => {}, receive: async () => arriving.shift() ?? null };
  try {
    return { kind: "done", value: await use(channel) } as Talked<T>;
  } catch (error) {
    return answerOf(error) as Talked<T>;
  }
}

const aware = { secure: true, reaction: { kind: "alert", level: 1, alert: 100 } };

describe("a client without renegotiation_info", () => {
  it.each<[string, readonly number[], string]>([
    ["is refused by an alert", [21, 3, 3, 0, 2, 2, 40], "observed"],
    ["is refused by a close in place of an answer", [], "observed"],
    ["is not refused by a close in the middle of the handshake", [22, 3, 3, 0, 80, 2, 0, 0, 76, 3, 3], "failed"],
  ])("%s", async (_name, bytes, state) => {
    let count = 0;
    const look = lookWith(async (use) =>
      // The one without the extension is asked first.
      count++ === 0 ? over(bytes, use) : ({ kind: "done", value: aware } as unknown as never),
    );
    expect((await probeRenegotiation(look, known)).insecure.state).toBe(state);
  });

  it("is waited for, whatever the other one is answered", async () => {
    for (const other of [
      { kind: "garbage", why: "nonsense" },
      { kind: "done", value: { ...aware, secure: false } },
    ]) {
      let [count, ended] = [0, false];
      const look = lookWith(async () => {
        if (count++ > 0) return other as never;
        await new Promise((resolve) => setTimeout(resolve, 20));
        ended = true;
        return { kind: "alert", alert: 40 };
      });
      await probeRenegotiation(look, known);
      expect(ended).toBe(true);
    }
  });
});

describe("the malformed hello of ocsp-extension, where the sound one is taken,", () => {
  it.each([
    ["shows nothing by a reset", { kind: "reset", why: "connection broken (ECONNRESET)" }, "failed"],
    ["is refused by a close", { kind: "closed" }, "observed"],
    ["is refused by an alert", { kind: "alert", alert: 50 }, "observed"],
  ])("%s", async (_name, malformed, state) => {
    let count = 0;
    const look = lookWith(async () => (count++ === 0 ? malformed : { kind: "done", value: flightOf() }) as never);
    expect((await probeOcspExtension(look, known)).state).toBe(state);
  });
});
