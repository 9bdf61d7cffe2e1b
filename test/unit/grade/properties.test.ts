import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareGrades, isGrade, judge, meets } from "../../../src/grade/index.ts";
import type { GradeResult, ObservationName } from "../../../src/grade/index.ts";
import { checks } from "../../../src/grade/ssllabs/checks.ts";
import { rules } from "../../../src/grade/rulebooks/ssllabs-2009r-rules.ts";
import type { Observations } from "../../../src/probe/index.ts";
import { allFlaws, complete, punched, someHoles } from "./arbitrary.ts";
import * as build from "./observations.ts";

const { failed, observed } = build;

function gradesOf(of: Observations): GradeResult {
  const result = judge(of).grades["ssllabs-2009r"];
  if (result === undefined || "level" in result) throw new Error("not judged");
  return result;
}

/** Whether a grade lies where bounds say that it must. */
function isWithin(grade: string | null, { best, worst }: NonNullable<GradeResult["bounds"]>): boolean {
  if (grade === null || !isGrade(grade) || !isGrade(worst)) return grade === null;
  return meets(best, grade) === true && meets(grade, worst) === true;
}

describe("judging", () => {
  test("is deterministic and leaves its input alone", () => {
    fc.assert(
      fc.property(complete, someHoles, (of, names) => {
        const input = punched(of, names);
        const before = JSON.stringify(input);
        expect(JSON.stringify(judge(input))).toBe(JSON.stringify(judge(structuredClone(input))));
        expect(JSON.stringify(input)).toBe(before);
        expect(JSON.stringify(judge(JSON.parse(before)))).toBe(JSON.stringify(judge(input)));
      }),
      { numRuns: 50 },
    );
  });

  test("what is not known never changes a grade, only takes it away", () => {
    let taken = 0;
    let kept = 0;
    fc.assert(
      fc.property(complete, someHoles, (of, names) => {
        const all = gradesOf(of);
        const less = gradesOf(punched(of, names));
        for (const key of ["grade", "gradeTrustIgnored"] as const) {
          if (less[key] === null) taken += 1;
          else kept += 1;
          expect(less[key] === null || less[key] === all[key]).toBe(true);
          const bounds = key === "grade" ? less.bounds : less.boundsTrustIgnored;
          expect(bounds === null).toBe(less[key] !== null);
          expect(bounds === null || isWithin(all[key], bounds)).toBe(true);
        }
        expect(less.scores === null || JSON.stringify(less.scores) === JSON.stringify(all.scores)).toBe(true);
      }),
      { numRuns: 400 },
    );
    expect(Math.min(taken, kept)).toBeGreaterThan(20);
  });

  test("what is not known never makes a level or AAA better, only takes it away", () => {
    let taken = 0;
    let kept = 0;
    fc.assert(
      fc.property(complete, someHoles, (of, names) => {
        const all = judge(of);
        const less = judge(punched(of, names));
        for (const id of ["mozilla-6.0", "ncsc-nl-2025"]) {
          const [before, after] = [all.grades[id], less.grades[id]];
          if (before === undefined || after === undefined || !("level" in before) || !("level" in after))
            throw new Error("not judged");
          if (after.level === null) taken += 1;
          else kept += 1;
          expect(after.level === null || after.level === before.level).toBe(true);
          expect(after.incomplete.length > 0).toBe(after.level === null);
          for (const [profile, keeps] of Object.entries(after.profiles))
            expect(keeps === null || keeps === before.profiles[profile]).toBe(true);
        }
        expect(less.aaa === null || less.aaa === all.aaa).toBe(true);
      }),
      { numRuns: 300 },
    );
    expect(Math.min(taken, kept)).toBeGreaterThan(20);
  });

  test("what keeps to Mozilla's modern profile keeps to the intermediate one", () => {
    fc.assert(
      fc.property(complete, someHoles, (of, names) => {
        const result = judge(punched(of, names)).grades["mozilla-6.0"];
        if (result === undefined || !("level" in result)) throw new Error("not judged");
        const { modern, intermediate } = result.profiles;
        expect(modern !== true || intermediate === true).toBe(true);
        expect(intermediate !== false || modern === false).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  test("a recording of an older version is judged: what it lacks, nobody looked at", () => {
    fc.assert(
      fc.property(complete, (of) => {
        const { flaws: _, tolerance: __, resumption: ___, redirect: ____, keyUpdate: _____, ...old } = of;
        const chains =
          old.certificates.state === "observed"
            ? observed(old.certificates.value.map(({ staple: _s, timestamps: _t, ...chain }) => chain))
            : old.certificates;
        const report = judge({ ...old, certificates: chains } as unknown as Observations);
        expect(report.findings.find(({ id }) => id === "general.tolerance")).toMatchObject({ outcome: "unknown" });
        expect(report.observations.flaws.robot).toEqual({
          state: "untestable",
          why: "this version does not look at it",
        });
        expect(JSON.stringify(judge({ ...of, ...report.observations }))).toBe(JSON.stringify(report));
      }),
      { numRuns: 50 },
    );
  });

  test("a grade is missing exactly when something is named as missing", () => {
    fc.assert(
      fc.property(complete, someHoles, (of, names) => {
        const { grade, gradeTrustIgnored, incomplete } = gradesOf(punched(of, names));
        expect(incomplete.length > 0).toBe(grade === null || gradeTrustIgnored === null);
      }),
      { numRuns: 200 },
    );
  });

  test("finding ids are unique, without spaces, and the same for every target", () => {
    fc.assert(
      fc.property(complete, (of) => {
        const ids = judge(of).findings.map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
        for (const id of ids) expect(id).toMatch(/^[a-z0-9.-]+$/);
      }),
      { numRuns: 50 },
    );
  });
});

describe("a rule's needs", () => {
  const blank: Readonly<Partial<Record<ObservationName, Partial<Observations>>>> = {
    protocols: {
      protocols: Object.fromEntries(
        Object.keys(build.protocols([])).map((name) => [name, failed()]),
      ) as Observations["protocols"],
    },
    cipherSuites: { cipherSuites: {} },
    certificates: { certificates: failed() },
    compression: { compression: failed() },
    secureRenegotiation: { secureRenegotiation: failed() },
    http: { http: failed() },
    groups: { groups: failed() },
    keyShares: { keyShares: failed() },
    extendedMasterSecret: { extendedMasterSecret: failed() },
    tickets: { tickets: failed() },
    alpn: { alpn: failed() },
    downgradeSentinel: { downgradeSentinel: failed() },
    flaws: { flaws: allFlaws(failed()) },
  };

  test.each(rules.map((rule) => [rule.id, rule] as const))(
    "%s: unknown without them, untouched by all else",
    (_, rule) => {
      const check = checks[rule.check];
      fc.assert(
        fc.property(complete, (of) => {
          const without = rule.needs.reduce((now, name) => ({ ...now, ...blank[name] }), of);
          expect(check(without).outcome).toBe("unknown");
          const others = Object.entries(blank).filter(([name]) => !rule.needs.includes(name as ObservationName));
          const only = others.reduce((now, [, hole]) => ({ ...now, ...hole }), of);
          expect(check(only)).toEqual(check(of));
        }),
        { numRuns: 25 },
      );
    },
  );
});

describe("comparing grades", () => {
  test("A+ to F, then T and M alike", () => {
    const order = ["M", "B", "A+", "F", "A-", "T", "C", "A", "E", "D"].filter(isGrade);
    const sorted = order.toSorted((a, b) => compareGrades(b, a));
    expect(sorted.slice(0, 8)).toEqual(["A+", "A", "A-", "B", "C", "D", "E", "F"]);
    expect(compareGrades("T", "M")).toBe(0);
    expect(isGrade("G") || isGrade("toString") || isGrade("a+")).toBe(false);
  });

  test("meets: yes, no, and cannot be said", () => {
    expect(meets("A+", "A")).toBe(true);
    expect(meets("A", "A")).toBe(true);
    expect(meets("A-", "A")).toBe(false);
    expect(meets("T", "F")).toBe(false);
    expect(meets(null, "F")).toBeNull();
    expect(meets("excellent", "F")).toBeNull();
  });
});
