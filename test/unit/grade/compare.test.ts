import { describe, expect, test } from "vitest";
import { compare, judge } from "../../../src/grade/index.ts";
import type { Comparison, Finding, Report, Worth } from "../../../src/grade/index.ts";
import { topics } from "../../../src/grade/compare/topics.ts";
import type { Observations } from "../../../src/probe/index.ts";
import * as build from "./observations.ts";

const { chain, failed, observations, observed, speaking, suites, tls12, tls13, untestable } = build;

const present = observed({ present: true, evidence: "it answered" });
const noRsa = untestable("not applicable: no suite with RSA key exchange is offered");

/** A good server with changes against another one. */
function compared(a: Partial<Observations>, b: Partial<Observations>, ignoreTrust = false): Comparison {
  return between(judge(observations(a)), judge(observations(b)), ignoreTrust);
}

function between(a: Report, b: Report, ignoreTrust = false): Comparison {
  return compare({ name: "a", report: a }, { name: "b", report: b }, { ignoreTrust });
}

const verdicts = ({ rulebooks }: Comparison): Readonly<Record<string, string>> =>
  Object.fromEntries(
    rulebooks.map(({ rulebook, a, b, verdict }) => [rulebook, `${a.value} ${b.value} ${verdict}`] as const),
  );
const topicsOf = ({ worth }: Comparison): readonly string[] => worth.map(({ topic }) => topic);

function worthOf(comparison: Comparison, topic: string): Worth {
  const found = comparison.worth.find((each) => each.topic === topic);
  if (found === undefined) throw new Error(`no ${topic} among ${topicsOf(comparison).join(", ")}`);
  return found;
}

/** What a topic moves SSL Labs' letter to: alone, and without it. */
function letters(comparison: Comparison, topic: string): readonly (string | null)[] {
  const { alone, without } = worthOf(comparison, topic);
  return [alone, without].map((moves) => {
    const move = moves.find(({ rulebook }) => rulebook === "ssllabs-2009r");
    return move === undefined ? "nothing" : move.to.value;
  });
}

describe("the verdict of a rulebook", () => {
  test("by letter, level and AAA, in the order of reports", () => {
    const weak = { http: build.noHsts, certificates: observed([chain({ key: build.ecKey(256) })]) };
    expect(compared(weak, {}).rulebooks.map(({ rulebook }) => rulebook)).toEqual([
      "ssllabs-2009r",
      "aaa",
      "mozilla-6.0",
      "ncsc-nl-2025",
    ]);
    expect(verdicts(compared(weak, {}))).toEqual({
      "ssllabs-2009r": "A A+ better",
      aaa: "no no same",
      "mozilla-6.0": "none intermediate better",
      "ncsc-nl-2025": "sufficient phase-out worse",
    });
  });

  test("what is not known on either side cannot be said, nor is it the same on both", () => {
    expect(verdicts(compared({}, { http: failed() }))["ssllabs-2009r"]).toBe("A+ null unknown");
    expect(verdicts(compared({ http: failed() }, {}))["ssllabs-2009r"]).toBe("null A+ unknown");
    expect(verdicts(compared({ http: failed() }, { http: failed() }))["ssllabs-2009r"]).toBe("null null unknown");
  });

  test("T and M are neither better nor worse than each other", () => {
    const untrusted = chain({}, { trust: observed({ trusted: false, local: false, anchor: null, reason: "unknown" }) });
    const misnamed = chain({}, { nameMatches: observed(false) });
    const [a, b] = [{ certificates: observed([untrusted]) }, { certificates: observed([misnamed]) }];
    expect(verdicts(compared(a, b))["ssllabs-2009r"]).toBe("T M changed");
    expect(verdicts(compared(a, {}))["ssllabs-2009r"]).toBe("T A+ better");
    expect(verdicts(compared(b, {}, true))["ssllabs-2009r"]).toBe("M A+ better");
  });

  test("both letters are those with trust aside where the authority was given for one look", () => {
    const local = chain(
      {},
      { trust: observed({ trusted: true, local: true, anchor: "CN=Example Root", reason: null }) },
    );
    const comparison = compared({ certificates: observed([local]) }, {});
    expect(verdicts(comparison)["ssllabs-2009r"]).toBe("A+ A+ same");
    expect([comparison.a.trustAside, comparison.b.trustAside]).toEqual([true, true]);
    // The same server, looked at without its authority: not known, and not worse.
    const stranger = chain(
      {},
      { trust: observed({ trusted: false, local: false, anchor: "CN=Example Root", reason: "not among the trusted" }) },
    );
    const again = compared({ certificates: observed([local]) }, { certificates: observed([stranger]) });
    expect(verdicts(again)["ssllabs-2009r"]).toBe("A+ null unknown");
  });

  test("sizes of Diffie-Hellman parameters are worth what they are worth, not the suites that use them", () => {
    const dhe = (dhBits: number) =>
      build.speaking({
        "TLSv1.2": build.suites([
          { ...build.suite("ECDHE-RSA-AES128-GCM-SHA256"), keyExchange: "DHE", group: null, dhBits },
        ]),
      });
    const comparison = compared(dhe(2048), dhe(1024));
    expect(comparison.worth.map(({ topic }) => topic)).toEqual(["dhParameters"]);
    expect(comparison.worth[0]?.alone).not.toEqual([]);
  });

  test("flaws have a line of their own together, since each alone may move nothing", () => {
    const present = observed({ present: true, evidence: "" });
    const none = build.observations().flaws;
    const flaws = { ...none, heartbleed: present, "ccs-injection": present };
    const { worth } = compared({ flaws }, {});
    expect(worth.find(({ topic }) => topic === "flaws")).toMatchObject({
      parts: ["flaw.heartbleed", "flaw.ccs-injection"],
      alone: expect.arrayContaining([expect.objectContaining({ rulebook: "ssllabs-2009r" })]) as unknown,
    });
  });

  test("what a report said when it was made is told where it is another verdict now", () => {
    const report = judge(observations());
    const recorded = {
      aaa: report.aaa,
      grades: {
        ...report.grades,
        "ssllabs-2009r": { ...judge(observations({ http: build.noHsts })).grades["ssllabs-2009r"]! },
      },
    };
    const { a, b } = compare({ name: "a", report, recorded }, { name: "b", report }, {});
    expect(a.restated).toEqual([{ rulebook: "ssllabs-2009r", said: "A" }]);
    expect(b.restated).toEqual([]);
    const open = { aaa: null, grades: judge(observations({ http: failed() })).grades };
    expect(compare({ name: "a", report, recorded: open }, { name: "b", report }).a.restated).toEqual([]);
  });
});

describe("what a difference is worth", () => {
  test("a flaw alone decides, and without it the rest shows", () => {
    const flaws = build.flaws({ heartbleed: present });
    const comparison = compared({ flaws, http: build.noHsts }, {});
    expect(topicsOf(comparison)).toEqual(["flaw.heartbleed", "http"]);
    expect(letters(comparison, "flaw.heartbleed")).toEqual(["A", "F"]);
    expect(letters(comparison, "http")).toEqual(["nothing", "A"]);
    expect(worthOf(comparison, "http").alone).toContainEqual(
      expect.objectContaining({ rulebook: "mozilla-6.0", verdict: "better" }),
    );
  });

  test("a version goes with its suites; of two that cap alike, only both together help", () => {
    const old = suites(["ECDHE-RSA-AES128-SHA"]);
    const a = speaking({ "TLSv1.0": old, "TLSv1.1": old, "TLSv1.2": tls12, "TLSv1.3": tls13 });
    const comparison = compared(a, {});
    expect(topicsOf(comparison)).toEqual(["offer", "offer.TLSv1.0", "offer.TLSv1.1"]);
    expect(worthOf(comparison, "offer")).toMatchObject({
      title: "protocols",
      parts: ["offer.TLSv1.0", "offer.TLSv1.1"],
    });
    expect(letters(comparison, "offer")).toEqual(["A+", "B"]);
    expect(letters(comparison, "offer.TLSv1.0")).toEqual(["B", "B"]);
    expect(letters(comparison, "offer.TLSv1.1")).toEqual(["nothing", "B"]);
    const [only] = compared(speaking({ "TLSv1.1": old, "TLSv1.2": tls12, "TLSv1.3": tls13 }), {}).worth;
    expect(only).toMatchObject({ topic: "offer.TLSv1.1", title: "TLSv1.1", parts: [] });
  });

  test("suites of versions that both offer are topics of their own beside versions", () => {
    const weak = suites(["AES128-SHA", "ECDHE-RSA-AES128-GCM-SHA256"]);
    const a = speaking({ "TLSv1.0": weak, "TLSv1.1": weak, "TLSv1.2": weak, "TLSv1.3": tls13 });
    const b = speaking({ "TLSv1.2": tls12, "TLSv1.3": suites(["TLS_AES_128_GCM_SHA256"], "single") });
    const worth = compared(a, b).worth.map(({ topic, title }) => [topic, title]);
    expect(worth).toEqual([
      ["offer", "protocols and cipher suites"],
      ["offer.protocols", "protocols"],
      ["offer.suites", "cipher suites"],
      ["offer.TLSv1.0", "TLSv1.0"],
      ["offer.TLSv1.1", "TLSv1.1"],
      ["offer.TLSv1.2", "cipher suites of TLSv1.2"],
      ["offer.TLSv1.3", "cipher suites of TLSv1.3"],
    ]);
  });

  test("what cannot be without a version comes and goes with the whole offer", () => {
    const modern = { ...speaking({ "TLSv1.3": tls13 }), flaws: build.flaws({ robot: noRsa }) };
    const exposed = { flaws: build.flaws({ robot: present }) };
    const gone = compared(exposed, modern);
    expect(letters(gone, "offer.TLSv1.2")).toEqual(["A+", "F"]);
    expect(letters(gone, "flaw.robot")).toEqual(["A+", "F"]);
    expect(letters(compared(modern, exposed), "offer.TLSv1.2")).toEqual(["F", "A+"]);
  });

  test("of several differences in the offer one alone takes no flaw away", () => {
    const old = suites(["AES128-SHA"]);
    const a = {
      ...speaking({ "TLSv1.0": old, "TLSv1.2": old, "TLSv1.3": tls13 }),
      flaws: build.flaws({ robot: present }),
    };
    const comparison = compared(a, { ...speaking({ "TLSv1.3": tls13 }), flaws: build.flaws({ robot: noRsa }) });
    expect(letters(comparison, "offer")[0]).toBe("A+");
    expect(["F", "nothing"]).toContain(letters(comparison, "offer.TLSv1.0")[0]);
    // But what comes with it is there: where it was possible, it was found.
    const back = compared({ ...speaking({ "TLSv1.3": tls13 }), flaws: build.flaws({ robot: noRsa }) }, a);
    expect(letters(back, "offer.TLSv1.0")[0]).toBe("F");
  });

  test("certificates go with the time of their look: by the other time they would have run out", () => {
    const renewed = chain({ notBefore: "2026-05-01T00:00:00.000Z", notAfter: "2026-07-01T00:00:00.000Z" });
    const expired = chain({}, { validNow: false });
    const time = "2026-06-01T12:00:00.000Z";
    const comparison = compared({ certificates: observed([renewed]), time }, { certificates: observed([expired]) });
    expect(topicsOf(comparison)).toEqual(["certificates"]);
    expect(letters(comparison, "certificates")).toEqual(["T", "A+"]);
    const certificates = topics.find(({ id }) => id === "certificates")!;
    expect(certificates.put(observations(), observations({ time })).time).toBe(time);
    expect(topicsOf(compared({}, { time }))).toEqual([]);
  });

  test("what is not known is said, and moves to what is not known", () => {
    const comparison = compared({}, { http: failed() });
    expect(worthOf(comparison, "http").unknown).toEqual({ a: false, b: true });
    expect(letters(comparison, "http")).toEqual([null, "A+"]);
  });

  test("what varies from look to look is no difference", () => {
    const seen = observations();
    const headers = (date: string): Observations["http"] =>
      seen.http.state === "observed" ? observed({ ...seen.http.value, headers: { date } }) : seen.http;
    const comparison = compared(
      {
        http: headers("Mon, 01 Jan 2026 00:00:00 GMT"),
        serverRandom: observed({ seen: 30, distinct: 30, clockSkewSeconds: 1 }),
        keyShares: observed({ samples: [{ kind: "TLSv1.3", group: "X25519", seen: 6, distinct: 6 }] }),
        redirect: failed("timed out"),
        protocols: { ...seen.protocols, SSLv2: observed({ offered: false, answer: "closed" }) },
      },
      {
        http: headers("Tue, 02 Jan 2026 00:00:00 GMT"),
        serverRandom: observed({ seen: 12, distinct: 12, clockSkewSeconds: 2 }),
        keyShares: observed({ samples: [{ kind: "TLSv1.3", group: "X25519", seen: 4, distinct: 4 }] }),
        redirect: failed("connection reset"),
      },
    );
    expect(topicsOf(comparison)).toEqual([]);
    expect(topicsOf(compared({ flaws: build.flaws({ robot: noRsa }) }, {}))).toEqual([]);
    expect(
      topicsOf(
        compared(
          { keyShares: observed({ samples: [{ kind: "TLSv1.3", group: "X25519", seen: 6, distinct: 1 }] }) },
          { serverRandom: observed({ seen: 30, distinct: 2, clockSkewSeconds: null }) },
        ),
      ),
    ).toEqual(["keyShares", "serverRandom"]);
  });

  const names = Object.keys(judge(observations()).observations) as (keyof Report["observations"])[];
  test.each(names)("no observation is without a topic: %s", (name) => {
    const unseen = (value: unknown): unknown => {
      if (Array.isArray(value)) return [{ name: "record split", tolerant: observed(true), evidence: "" }];
      if (typeof value !== "object" || value === null) throw new Error(`${name} is no observation`);
      if ("state" in value) return failed("not this time");
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unseen(inner)]));
    };
    const other = { [name]: unseen(observations()[name]) } as Partial<Observations>;
    expect(topicsOf(compared({}, other)).length).toBeGreaterThan(0);
  });
});

describe("findings", () => {
  const base = judge(observations());
  const finding = (changes: Partial<Finding>): Finding => ({
    id: "x.y",
    outcome: "pass",
    severity: "info",
    message: "all is well",
    evidence: "seen",
    reference: "RFC 1",
    fix: null,
    ...changes,
  });
  const changesBetween = (a: Partial<Finding> | null, b: Partial<Finding> | null) =>
    between(
      { ...base, findings: a === null ? [] : [finding(a)] },
      { ...base, findings: b === null ? [] : [finding(b)] },
    ).findings.map(({ change, verdict }) => `${change} ${verdict}`);

  test.each<[string, Partial<Finding> | null, Partial<Finding> | null, readonly string[]]>([
    ["fail to pass", { outcome: "fail", severity: "high" }, {}, ["outcome better"]],
    ["pass to fail that worries nobody", {}, { outcome: "fail" }, ["outcome worse"]],
    ["pass to unknown", {}, { outcome: "unknown", severity: "high" }, ["outcome unknown"]],
    ["unknown to pass", { outcome: "unknown" }, {}, ["outcome unknown"]],
    ["fail to unknown", { outcome: "fail" }, { outcome: "unknown" }, ["outcome unknown"]],
    ["unknown to fail", { outcome: "unknown" }, { outcome: "fail" }, ["outcome unknown"]],
    ["unknown, and how grave", { outcome: "unknown" }, { outcome: "unknown", severity: "low" }, ["severity unknown"]],
    [
      "fail that is graver",
      { outcome: "fail", severity: "low" },
      { outcome: "fail", severity: "high" },
      ["severity worse"],
    ],
    ["a remark that worries less", { outcome: "info", severity: "low" }, { outcome: "info" }, ["severity better"]],
    ["a remark that worries nobody any more", { outcome: "info", severity: "low" }, {}, ["outcome better"]],
    ["a remark in place of a pass", {}, { outcome: "info" }, ["outcome changed"]],
    ["other words", {}, { message: "all is fine" }, ["message changed"]],
    ["a new one", null, { outcome: "fail" }, ["new changed"]],
    ["one that is gone", { outcome: "fail" }, null, ["gone changed"]],
    ["a new one that is unknown", null, { outcome: "unknown" }, ["new unknown"]],
    ["other evidence for the same", {}, { evidence: "seen again" }, []],
    ["nothing", {}, {}, []],
  ])("%s", (_what, a, b, expected) => {
    expect(changesBetween(a, b)).toEqual(expected);
  });

  test("worse first, and of these the gravest", () => {
    const { findings } = compared(
      { http: build.noHsts, groups: failed() },
      {
        ...speaking({ "TLSv1.2": suites(["RC4-SHA", "ECDHE-RSA-AES128-GCM-SHA256"]), "TLSv1.3": tls13 }),
        flaws: build.flaws({ heartbleed: present }),
      },
    );
    expect(findings[0]?.id).toContain("heartbleed");
    const order = ["worse", "better", "changed", "unknown"];
    const ranks = findings.map(({ verdict }) => order.indexOf(verdict));
    expect(ranks).toEqual(ranks.toSorted((a, b) => a - b));
    expect(new Set(ranks).size).toBe(4);
  });
});
