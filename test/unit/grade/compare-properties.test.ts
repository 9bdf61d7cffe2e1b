import fc from "fast-check";
import { expect, test } from "vitest";
import { compare, judge } from "../../../src/grade/index.ts";
import type { Comparison, FactChange, ListChange, Move, Report, Verdict } from "../../../src/grade/index.ts";
import { differ } from "../../../src/grade/compare/outcome.ts";
import { topics } from "../../../src/grade/compare/topics.ts";
import { offerTopics } from "../../../src/grade/compare/topics-offer.ts";
import type { Observations } from "../../../src/probe/index.ts";
import { complete, punched, someHoles } from "./arbitrary.ts";

/** Servers of which all is known, and such of which it is not. */
const seen: fc.Arbitrary<Observations> = fc.oneof(
  complete,
  fc.tuple(complete, someHoles).map(([of, holes]) => punched(of, holes.slice(0, 3))),
);

const between = (a: Report, b: Report): Comparison => compare({ name: "it", report: a }, { name: "it", report: b });

const opposites: Readonly<Record<Verdict, Verdict>> = {
  better: "worse",
  worse: "better",
  same: "same",
  changed: "changed",
  unknown: "unknown",
};

/** The comparison as it reads from the other side. Order apart. */
function mirrored({ a, b, rulebooks, findings, offer, worth }: Comparison) {
  const list = ({ added, removed }: ListChange): ListChange => ({ added: removed, removed: added });
  const facts = (of: readonly FactChange[]): readonly FactChange[] =>
    of.map(({ what, a: one, b: other }) => ({ what, a: other, b: one }));
  return ordered({
    a: b,
    b: a,
    rulebooks: rulebooks.map((of) => ({ ...of, a: of.b, b: of.a, verdict: opposites[of.verdict] })),
    findings: findings.map((of) => ({
      ...of,
      a: of.b,
      b: of.a,
      verdict: opposites[of.verdict],
      change: of.change === "new" ? "gone" : of.change === "gone" ? "new" : of.change,
    })),
    offer: {
      protocols: facts(offer.protocols),
      suites: offer.suites.map((of) => ({ ...of, ...list(of), facts: facts(of.facts) })),
      groups: { ...list(offer.groups), facts: facts(offer.groups.facts) },
      certificates: { ...list(offer.certificates), facts: facts(offer.certificates.facts) },
    },
    worth: worth.map((of) => ({
      ...of,
      unknown: { a: of.unknown.b, b: of.unknown.a },
      alone: of.without,
      without: of.alone,
    })),
  });
}

function ordered<T extends { readonly findings: readonly { readonly id: string }[]; readonly offer: object }>(of: T) {
  const sorted = JSON.stringify(of.offer, (_key, value: unknown) =>
    Array.isArray(value) ? value.map((each) => JSON.stringify(each)).toSorted() : value,
  );
  return { ...of, findings: of.findings.toSorted((one, other) => (one.id < other.id ? -1 : 1)), offer: sorted };
}

test("a server differs from itself in nothing", () => {
  fc.assert(
    fc.property(seen, (of) => {
      const { rulebooks, findings, offer, worth } = between(judge(of), judge(structuredClone(of)));
      expect([findings, worth, offer.protocols, offer.suites]).toEqual([[], [], [], []]);
      const none = { added: [], removed: [], facts: [] };
      expect([offer.groups, offer.certificates]).toEqual([none, none]);
      for (const { a, verdict } of rulebooks) expect(verdict).toBe(a.value === null ? "unknown" : "same");
    }),
    { numRuns: 30 },
  );
});

test("from the other side everything is the other way round", () => {
  let differing = 0;
  fc.assert(
    fc.property(seen, seen, (a, b) => {
      const [one, other] = [judge(a), judge(b)];
      const { schema: _, ...forth } = between(one, other);
      const { schema, ...back } = between(other, one);
      differing += forth.worth.length > 0 && forth.findings.length > 0 ? 1 : 0;
      expect(mirrored({ schema, ...back })).toEqual(ordered(forth));
    }),
    { numRuns: 30 },
  );
  expect(differing).toBeGreaterThan(15);
});

test("all topics together are the whole difference", () => {
  let moved = 0;
  fc.assert(
    fc.property(seen, seen, (a, b) => {
      const [whole] = offerTopics(a, b);
      const into = [...(whole === undefined ? [] : [whole]), ...topics].reduce((now, { put }) => put(now, b), a);
      const [was, is, wanted] = [judge(a), judge(into), judge(b)];
      moved += JSON.stringify(was.grades) === JSON.stringify(wanted.grades) ? 0 : 1;
      expect(is.grades).toEqual(wanted.grades);
      expect(is.findings).toEqual(wanted.findings);
    }),
    { numRuns: 30 },
  );
  expect(moved).toBeGreaterThan(15);
});

test("a single difference is worth what the verdicts differ by", () => {
  let decisive = 0;
  fc.assert(
    fc.property(complete, complete, (a, from) => {
      for (const { id, put, facts } of topics) {
        const other = put(a, from);
        if (!differ(facts(a), facts(other))) continue;
        const comparison = between(judge(a), judge(other));
        const [only, ...others] = comparison.worth;
        expect(others).toEqual([]);
        expect(only?.topic).toBe(id);
        const moved = comparison.rulebooks
          .filter(({ a: before, b: after }) => JSON.stringify(before) !== JSON.stringify(after))
          .map(({ rulebook, a: before, b: after, verdict }): Move => ({ rulebook, from: before, to: after, verdict }));
        decisive += moved.length > 0 ? 1 : 0;
        expect(only?.alone).toEqual(moved);
      }
    }),
    { numRuns: 15 },
  );
  expect(decisive).toBeGreaterThan(3);
});
