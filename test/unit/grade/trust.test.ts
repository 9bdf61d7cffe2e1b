import { expect, test } from "vitest";
import { trustedLocally } from "../../../src/grade/light.ts";
import { chain } from "./observations.ts";

const trust = (trusted: boolean, local: boolean) =>
  chain({}, { trust: { state: "observed", value: { trusted, local, anchor: null, reason: null } } });
const unknown = chain({}, { trust: { state: "failed", why: "cut off" } });
const of = (...chains: ReturnType<typeof chain>[]) =>
  trustedLocally({ certificates: { state: "observed", value: chains } });

test("one chain of a local authority excuses no other", () => {
  expect(of(trust(true, true))).toBe(true);
  expect(of(trust(true, true), trust(true, false))).toBe(true);
  expect(of(trust(true, true), trust(false, false))).toBe(false);
  expect(of(trust(true, true), unknown)).toBe(false);
  expect(of(trust(true, false))).toBe(false);
  expect(trustedLocally({ certificates: { state: "failed", why: "cut off" } })).toBe(false);
});
