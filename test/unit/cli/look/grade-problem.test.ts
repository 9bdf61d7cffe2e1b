import { describe, expect, test } from "vitest";
import { gradeProblem, type GradeWish } from "../../../../src/cli/look/grade-problem.ts";
import { judge } from "../../../../src/grade/index.ts";
import type { Observations } from "../../../../src/probe/index.ts";
import { chain, failed, flaws, observations, observed } from "../../grade/observations.ts";

const hush = failed("HTTP: the answer is not HTTP/1");
const anchored = (local: boolean): Partial<Observations> => ({
  certificates: observed([
    chain(
      {},
      {
        trust: local
          ? observed({ trusted: true, local, anchor: "CN=Example Root", reason: null })
          : observed({ trusted: false, local, anchor: null, reason: "unknown authority" }),
      },
    ),
  ]),
});

function problem(changes: Partial<Observations>, minGrade: string | null, more: Partial<GradeWish> = {}) {
  return gradeProblem(judge(observations(changes)), { minGrade, ignoreTrust: false, asker: "provision", ...more });
}

describe("a letter that cannot be said", () => {
  test("is good enough where the worst that it can be is", () => {
    expect(problem({ http: hush }, "A-")).toBeNull();
    expect(problem({ http: hush, ...anchored(true) }, "A-", { ignoreTrust: true })).toBeNull();
    expect(problem({ flaws: flaws({ robot: failed("timed out") }) }, "F")).toBeNull();
  });

  test.each(["A", "A+"])("is not with %s, and the hint names the rules and the grade that would do", (minGrade) => {
    expect(problem({ http: hush }, minGrade)).toMatchObject({
      code: "incomplete",
      message: `the grade of www.example.org:443 cannot be said: it is A- to A+, and ${minGrade} is wanted`,
      hint: expect.stringMatching(
        /^look at what was unknown above, then provision again; where nothing can tell ssllabs\.hsts\.valid, .*ssllabs\.hsts\.long.*, verify: \{ min-grade: A- \} in the site file is reached for certain$/,
      ) as string,
    });
    expect(problem({ http: hush }, minGrade, { asker: undefined })?.hint).toContain("--min-grade A- is reached");
  });

  test.each<[string, Partial<Observations>, string]>([
    ["a flaw", { flaws: flaws({ robot: failed("timed out") }) }, "E"],
    ["groups, which scores rest on", { groups: failed("timed out") }, "E"],
    ["the certificate", { certificates: failed("timed out") }, "F"],
    ["trust", { certificates: observed([chain({}, { trust: failed("timed out") })]) }, "F"],
  ])("a time-out of %s still refuses, and no lesser grade is offered", (_what, changes, minGrade) => {
    const refused = problem(changes, minGrade);
    expect(refused?.code).toBe("incomplete");
    expect(refused?.details.join()).toContain("timed out");
    expect(refused?.hint).not.toContain("min-grade");
  });

  test("is refused where no grade is wanted", () => {
    expect(problem({ http: hush }, null)?.code).toBe("incomplete");
  });
});

describe("a chain of an unknown authority", () => {
  test("is told how the authority is named", () => {
    const hint = "trust alone is missing: a private authority is named with verify: { ca: FILE } in the site file";
    expect(problem(anchored(false), "A+")).toMatchObject({
      code: "grade-low",
      message: "www.example.org:443 is graded T, below the wanted A+",
      hint: `${hint}; see the findings of the report`,
    });
    expect(problem(anchored(false), "A+", { asker: undefined })?.hint).toContain("is named with --ca FILE");
  });

  test("is not, where more than trust is missing", () => {
    const sees = "see the findings of the report";
    expect(
      problem(
        { ...anchored(false), flaws: flaws({ robot: observed({ present: true, evidence: "two answers" }) }) },
        "B",
      )?.hint,
    ).toBe(sees);
    const expired = { certificates: observed([chain({}, { validNow: false })]) };
    expect(problem(expired, "A+")?.hint).toBe(sees);
  });
});
