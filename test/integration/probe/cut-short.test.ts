/** A look that is cut short knows less, and says nothing that a whole look would not. */
import { createHash } from "node:crypto";

import { expect, it } from "vitest";

import { judge } from "../../../src/grade/index.ts";
import { isNotApplicable } from "../../../src/probe/outcome.ts";
import type { Observations, Outcome } from "../../../src/probe/index.ts";
import { describeWith } from "../../tools/needs.ts";
import { withLoss } from "./relay.ts";
import { issue, look, scratch, withServer } from "./support.ts";

/** Every outcome by its path. */
function outcomesOf(value: unknown, path = ""): readonly (readonly [string, Outcome<unknown>])[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  if ("state" in value) return [[path, value as Outcome<unknown>]];
  return Object.entries(value).flatMap(([key, each]) => outcomesOf(each, `${path}.${key}`));
}

const passesOf = (seen: Observations): ReadonlySet<string> =>
  new Set(judge(seen).findings.flatMap(({ id, outcome }) => (outcome === "pass" ? [id] : [])));

const absentIn = (seen: Observations): ReadonlySet<string> =>
  new Set(outcomesOf(seen).flatMap(([path, outcome]) => (isNotApplicable(outcome) ? [path] : [])));

/** What a look of which a part failed must not say. */
function expectNoMore(cut: Observations, whole: Observations): void {
  const [passes, absent] = [passesOf(whole), absentIn(whole)];
  expect([...passesOf(cut)].filter((id) => !passes.has(id))).toEqual([]);
  expect([...absentIn(cut)].filter((path) => !absent.has(path))).toEqual([]);
}

const budgets = [1, 2, 3, 4, 6, 8, 12, 18, 30, 50, 90, 140];

describeWith(["openssl"], "a look whose connections are used up", () => {
  it.each([
    ["TLS 1.2 and 1.3", []],
    ["everything that OpenSSL has", ["-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0", "-legacy_renegotiation"]],
    ["TLS 1.2 alone", ["-tls1_2"]],
    ["TLS 1.3 alone", ["-tls1_3"]],
    ["TLS 1.0 alone", ["-tls1", "-cipher", "ALL:@SECLEVEL=0"]],
  ])("passes nothing that a whole one does not: %s", { timeout: 120_000 }, async (_name, args) => {
    const pair = await issue(await scratch(), { name: "localhost" });
    await withServer([...args, "-cert", pair.certificate, "-key", pair.key], async (port) => {
      const whole = await look(port);
      for (const budget of budgets.filter((each) => each < whole.connections))
        expectNoMore(await look(port, { budget }), whole);
    });
  });

  it("nor where the network loses connections", { timeout: 120_000 }, async () => {
    const pair = await issue(await scratch(), { name: "localhost" });
    await withServer(["-cert", pair.certificate, "-key", pair.key, "-no_tls1_1"], async (port) => {
      const whole = await look(port);
      for (const seed of [1, 2, 3]) {
        const isLost = (connection: number): boolean =>
          createHash("md5").update(`${seed} ${connection}`).digest()[0]! < 90;
        await withLoss({ port, isLost }, async (lossy) => expectNoMore(await look(lossy, { timeoutMs: 250 }), whole));
      }
    });
  });
});
