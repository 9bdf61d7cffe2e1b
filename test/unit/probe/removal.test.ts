import { describe, expect, it } from "vitest";

import type { Answer, Flight } from "../../../src/probe/client/answer.ts";
import { candidateChunks } from "../../../src/probe/suites/candidates.ts";
import { findPreference } from "../../../src/probe/suites/preference.ts";
import { enumerateByRemoval } from "../../../src/probe/suites/removal.ts";
import { isRefusal, supportOf } from "../../../src/probe/support.ts";
import { suites } from "../../../src/wire/index.ts";
import { helloAnswer } from "./flights.ts";

const chacha = 0xcca8;

/** A server that accepts these suites; by its own order or the client's, with the exception for ChaCha20 or without. */
function server(
  accepted: readonly number[],
  by: "server" | "client",
  exception = false,
): (offer: readonly number[]) => Promise<Answer> {
  return async (offer) => {
    const shared =
      by === "server" ? accepted.filter((id) => offer.includes(id)) : offer.filter((id) => accepted.includes(id));
    const suite = exception && offer[0] === chacha ? chacha : shared[0];
    return suite === undefined ? { kind: "alert", alert: 40 } : helloAnswer({ suite });
  };
}

const pick = ({ serverHello }: Flight): number => serverHello.cipherSuite;

describe("enumeration by removal", () => {
  it("finds all in the server's order, with one connection more", async () => {
    let asked = 0;
    const ask = server([0xc030, 0xc02f, 0x9c], "server");
    const counting = (left: readonly number[]): Promise<Answer> => {
      asked++;
      return ask(left);
    };
    const removal = await enumerateByRemoval({
      protocol: "TLSv1.2",
      candidates: [0x9c, 0x2f, 0xc02f, 0xc030],
      ask: counting,
      pick,
    });
    expect(removal).toMatchObject({ picked: [0xc030, 0xc02f, 0x9c], complete: true });
    expect(asked).toBe(4);
  });

  it.each<[string, Answer]>([
    ["a time-out", { kind: "silent", why: "no answer" }],
    ["garbage", { kind: "garbage", why: "not TLS" }],
    ["a used-up budget", { kind: "skipped", why: "budget" }],
  ])("is not complete when it ends with %s", async (_name, last) => {
    const ask = async (left: readonly number[]): Promise<Answer> =>
      left.length > 1 ? helloAnswer({ suite: left[0]! }) : last;
    const removal = await enumerateByRemoval({ protocol: "TLSv1.2", candidates: [1, 2], ask, pick });
    expect(removal).toMatchObject({ picked: [1], complete: false, last });
  });

  it("does not run on for ever with a server that picks the same again", async () => {
    const removal = await enumerateByRemoval({
      protocol: "TLSv1.2",
      candidates: [1, 2],
      ask: async () => helloAnswer({ suite: 1 }),
      pick,
    });
    expect(removal).toMatchObject({ picked: [1], complete: false });
  });
});

describe("preference", () => {
  const found = [0xc030, chacha, 0xc02f];

  it("tells server, client and single apart", async () => {
    expect(await findPreference(found, server(found, "server"))).toEqual({
      preference: "server",
      chachaException: false,
    });
    expect(await findPreference(found, server(found, "client"))).toEqual({
      preference: "client",
      chachaException: null,
    });
    expect(await findPreference([0xc030], server([0xc030], "server"))).toEqual({
      preference: "single",
      chachaException: null,
    });
  });

  it("sees the exception for ChaCha20, and does not take it for the client's choice", async () => {
    expect(await findPreference(found, server(found, "server", true))).toEqual({
      preference: "server",
      chachaException: true,
    });
    const last = [0xc030, 0xc02f, chacha];
    expect(await findPreference(last, server(last, "server", true))).toEqual({
      preference: "server",
      chachaException: true,
    });
  });

  it("is failed, not passed, when a hello is not answered", async () => {
    expect(await findPreference(found, async () => ({ kind: "silent", why: "no answer" }))).toEqual({
      state: "failed",
      why: "preference: no answer",
    });
  });
});

describe("support of a version", () => {
  it("is unknown after silence, and refused only by a definite answer", () => {
    expect(supportOf("TLSv1.0", { kind: "silent", why: "no answer" })).toEqual({ state: "failed", why: "no answer" });
    expect(supportOf("TLSv1.0", { kind: "skipped", why: "budget" })).toEqual({ state: "untestable", why: "budget" });
    expect(supportOf("TLSv1.0", { kind: "alert", alert: 70 })).toEqual({
      state: "observed",
      value: { offered: false, answer: "alert", alert: 70 },
    });
    expect(supportOf("TLSv1.2", helloAnswer({}))).toEqual({ state: "observed", value: { offered: true } });
    expect(supportOf("TLSv1.1", helloAnswer({ protocol: "TLSv1.0", suite: 0x2f }))).toEqual({
      state: "observed",
      value: { offered: false, answer: "other-version", version: "TLSv1.0" },
    });
    expect([isRefusal({ kind: "closed" }), isRefusal({ kind: "silent", why: "" })]).toEqual([true, false]);
  });
});

describe("candidates", () => {
  it("hold every suite of a version once, 120 at most in a hello", () => {
    const chunks = candidateChunks("TLSv1.2");
    expect(chunks.every((chunk) => chunk.length <= 120)).toBe(true);
    const expected = suites.filter((suite) => suite.since !== "TLSv1.3" && suite.id !== 0).map(({ id }) => id);
    expect(chunks.flat().toSorted((one, other) => one - other)).toEqual(expected);
    expect(candidateChunks("TLSv1.0").flat()).not.toContain(0xc02f);
    expect(candidateChunks("TLSv1.3").flat()).toContain(0x1303);
  });
});
