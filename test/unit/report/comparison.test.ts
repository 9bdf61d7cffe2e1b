import { describe, expect, test } from "vitest";
import { compare, judge } from "../../../src/grade/index.ts";
import type { Comparison, Report } from "../../../src/grade/index.ts";
import { comparisonToHtml, comparisonToText } from "../../../src/report/index.ts";
import * as build from "../grade/observations.ts";
import { attack, bad, best, good, hostile } from "./reports.ts";

const between = (a: Report, b: Report): Comparison =>
  compare({ name: "old.json", report: a }, { name: "www.example.org:443", report: b });
const shown = (a: Report, b: Report, width = 100, colour = false): string =>
  comparisonToText(between(a, b), { colour, width });

const old = build.suites(["ECDHE-RSA-AES128-SHA"]);
/** Heartbleed, two old versions, no HSTS. */
const weak = judge(
  build.observations({
    ...build.speaking({ "TLSv1.0": old, "TLSv1.1": old, "TLSv1.2": build.tls12, "TLSv1.3": build.tls13 }),
    http: build.noHsts,
    redirect: build.failed(),
    flaws: build.flaws({ heartbleed: build.observed({ present: true, evidence: "64 bytes came back" }) }),
  }),
);

const sections = (text: string): readonly string[] => text.split("\n\n").map((part) => part.split("\n")[0] ?? "");
const section = (text: string, title: string): string =>
  text.split("\n\n").find((part) => part.startsWith(title)) ?? `no ${title}`;

describe("text", () => {
  test("grades, then what each difference is worth", () => {
    const text = shown(weak, good);
    expect(sections(text)).toEqual([
      "A  old.json",
      "Grades",
      "What each difference is worth",
      expect.stringMatching(/^Better \(\d+\)$/),
      "Not known any more, or only now (1)",
      expect.stringMatching(/^Changed, neither better nor worse \(\d+\)$/),
      "What is offered",
    ]);
    expect(text.split("\n\n").slice(0, 3).join("\n\n")).toMatchInlineSnapshot(`
      "A  old.json
         www.example.org:443, 192.0.2.10 · 2026-02-01 12:00:00 UTC
      B  www.example.org:443
         192.0.2.10 · 2026-02-01 12:00:00 UTC

      Grades
        ssllabs-2009r  F (91.5) → A+ (93), better
        AAA            no, same
        mozilla-6.0    none → intermediate, better
        ncsc-nl-2025   insufficient → phase-out, better

      What each difference is worth
        alone: A with this alone as in B; without: B with this alone as in A
        protocols
          alone    ssllabs-2009r  F (91.5) → F (93)
                   ncsc-nl-2025   insufficient → phase-out
          without  ssllabs-2009r  A+ (93) → B (91.5)
                   mozilla-6.0    intermediate → none
                   ncsc-nl-2025   phase-out → insufficient
          TLSv1.0
            alone    ssllabs-2009r  F (91.5) → F (92.25)
            without  ssllabs-2009r  A+ (93) → B (91.5)
                     mozilla-6.0    intermediate → none
                     ncsc-nl-2025   phase-out → insufficient
          TLSv1.1
            alone    nothing
            without  ssllabs-2009r  A+ (93) → B (92.25)
                     mozilla-6.0    intermediate → none
                     ncsc-nl-2025   phase-out → insufficient
        Heartbleed
          alone    ssllabs-2009r  F → B
          without  ssllabs-2009r  A+ → F
        HTTP headers, HSTS among them
          alone    nothing
          without  ssllabs-2009r  A+ → A
                   mozilla-6.0    intermediate → none
        Nothing on their own, either way: redirect from port 80 (not wholly known in A)"
    `);
    expect(section(text, "Not known any more")).toMatchInlineSnapshot(`
      "Not known any more, or only now (1)
        ? Port 80 answers without leading to HTTPS
          A  unknown: timed out
          B  info, low"
    `);
    expect(section(text, "What is offered")).toMatchInlineSnapshot(`
      "What is offered
        Protocols
          TLSv1.0: offered → refused
          TLSv1.1: offered → refused
      "
    `);
  });

  test("findings with what both sides rest on, the gravest first", () => {
    expect(section(shown(weak, good), "Better").split("\n").slice(1, 7)).toEqual([
      "  ✓ Heartbleed: the server is not vulnerable",
      "    A  fail, critical: 64 bytes came back",
      "    B  pass",
      "  ✓ NCSC-NL, protocols: sufficient",
      "    A  fail, medium: TLSv1.0, TLSv1.1",
      "    B  pass: TLSv1.2",
    ]);
    expect(section(shown(good, weak), "Worse").split("\n")[1]).toBe("  ✗ Heartbleed: the server is vulnerable");
  });

  test("the same is said to be the same", () => {
    const text = shown(best, structuredClone(best));
    expect(text).toMatch(/\n {2}AAA +yes, same\n/);
    expect(text.endsWith("\n\nNothing differs.\n")).toBe(true);
  });

  test("a topic that moves nothing is named with its like", () => {
    const other = judge(build.observations({ alpn: build.observed("h2"), keyUpdate: build.observed(false) }));
    expect(section(shown(good, other), "What each")).toBe(
      [
        "What each difference is worth",
        "  alone: A with this alone as in B; without: B with this alone as in A",
        "  Nothing on their own, either way: KeyUpdate; application protocols",
      ].join("\n"),
    );
  });

  test("parts that move nothing are told below what does, and are silent where nothing does", () => {
    const client = build.suites(["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"], "client");
    const modern = build.suites(["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]);
    const idle = judge(build.observations(build.speaking({ "TLSv1.2": client, "TLSv1.3": modern })));
    expect(section(shown(good, idle), "What each").split("\n").slice(2)).toEqual([
      "  Nothing on their own, either way: cipher suites",
    ]);
    const half = judge(
      build.observations(build.speaking({ "TLSv1.1": old, "TLSv1.2": client, "TLSv1.3": build.tls13 })),
    );
    const lines = section(shown(good, half), "What each").split("\n");
    expect(lines).toContain("    cipher suites of TLSv1.2: nothing on its own, either way");
    expect(lines).toContain("  protocols and cipher suites");
  });

  test("what is not known is called so, not better", () => {
    const text = shown(good, bad);
    expect(text).toContain("ssllabs-2009r  A+ (93) → not known, cannot be said");
    expect(text).toContain("protocols and cipher suites (not wholly known in B)");
    expect(text).not.toContain("Nothing differs");
  });

  test("where a report said something else when it was made, and whose letters leave trust aside", () => {
    const { grades, aaa } = weak;
    const comparison = compare(
      { name: "old.json", report: good, recorded: { aaa, grades } },
      { name: "new.json", report: bad },
      { ignoreTrust: true },
    );
    const [head = ""] = comparisonToText(comparison, { colour: false, width: 100 }).split("\n\n");
    expect(head).toBe(
      [
        "A  old.json",
        "   www.example.org:443, 192.0.2.10 · 2026-02-01 12:00:00 UTC",
        "   letters are those with trust aside",
        "   it said F by ssllabs-2009r when it was made; here it is judged anew",
        "   it said none by mozilla-6.0 when it was made; here it is judged anew",
        "   it said insufficient by ncsc-nl-2025 when it was made; here it is judged anew",
        "B  new.json",
        "   www.example.org:443, 192.0.2.10 · 2026-02-01 12:00:00 UTC",
        "   letters are those with trust aside",
      ].join("\n"),
    );
  });

  test.each([40, 60, 80, 120])("fits into %i columns", (width) => {
    for (const [a, b] of [
      [weak, good],
      [good, bad],
      [good, hostile],
    ] as const)
      expect(
        Math.max(
          ...shown(a, b, width)
            .split("\n")
            .map(({ length }) => length),
        ),
      ).toBeLessThanOrEqual(width);
  });

  test("colours say nothing that the words do not", () => {
    const coloured = shown(weak, good, 100, true);
    expect(coloured).toContain("\u001b[32m");
    expect(coloured.replace(/\u001b\[\d+m/g, "")).toBe(shown(weak, good));
  });

  test("hostile texts drive no terminal", () => {
    const named = compare({ name: attack, report: good }, { name: "b", report: hostile });
    const text = comparisonToText(named, { colour: false, width: 80 });
    expect(text).not.toMatch(/[\0-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/);
    expect(text).toContain("<script>");
  });
});

describe("html", () => {
  const pages = [
    [weak, good],
    [good, bad],
    [good, hostile],
    [good, good],
  ] as const;

  test("stands alone, and hostile texts stay text", () => {
    for (const [a, b] of pages) {
      const page = comparisonToHtml(compare({ name: attack, report: a }, { name: "b", report: b }));
      expect(page).not.toMatch(/<(script|link|img|iframe|object|embed|a|form)\b/);
      expect(page).not.toMatch(/<[^>]+\son[a-z]+=/);
      expect(page).toContain("default-src 'none'");
      expect(page).toContain("&lt;script&gt;");
      expect(page).not.toMatch(/[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]/);
    }
  });

  test("every element that is opened is closed, and heading levels do not jump", () => {
    for (const [a, b] of pages) {
      const body = comparisonToHtml(between(a, b)).replace(/<style>[^]*<\/style>/, "");
      const open: string[] = [];
      const misplaced: string[] = [];
      for (const [, slash, name = ""] of body.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*>/g)) {
        if (["meta", "br"].includes(name)) continue;
        if (slash === "") open.push(name);
        else if (open.pop() !== name) misplaced.push(name);
      }
      expect([open, misplaced]).toEqual([[], []]);
      const levels = [...body.matchAll(/<h([1-6])\b/g)].map((match) => Number(match[1]));
      expect(levels[0]).toBe(1);
      for (const [index, level] of levels.entries()) expect(level - (levels[index - 1] ?? 0)).toBeLessThanOrEqual(1);
    }
  });

  test("shows both letters, what each difference is worth, findings with both sides, and what is offered", () => {
    const page = comparisonToHtml(between(weak, good)).replace(/\s+/g, " ");
    for (const text of [
      `aria-label="Grade of A F"`,
      `aria-label="Grade of B A+"`,
      `<th scope="row" class="">Heartbleed</th>`,
      `<th scope="row" class="part">TLSv1.0</th>`,
      "64 bytes came back",
      "TLSv1.0: offered → refused",
    ])
      expect(page).toContain(text);
    expect(comparisonToHtml(between(good, good))).toContain("Nothing differs.");
  });
});
