import type { Comparison } from "../grade/index.ts";
import { cut } from "./layout.ts";
import { joined, pageOf, section } from "./page.ts";
import type { Page, TextOptions } from "./page.ts";
import { viewComparison } from "./view-comparison.ts";
import type { ComparisonView, FindingsView, MoveView, OfferView, WorthView } from "./view-comparison.ts";

/** A comparison for the terminal: grades, what each difference is worth, findings, what is offered. Ends with a line feed. */
export function comparisonToText(comparison: Comparison, options: TextOptions): string {
  const view = viewComparison(comparison);
  const page = pageOf(options);
  return joined([
    view.sides.flatMap(({ label, name, details }) => [
      ...page.says(`${label}  `, name, "strong"),
      ...details.flatMap((text) => page.says("   ", text, "quiet")),
    ]),
    section("Grades", gradeLines(view.rulebooks, page), page),
    view.isSame ? page.says("", "Nothing differs.") : [],
    section("What each difference is worth", worthLines(view, page), page),
    ...view.findings.map((findings) => section(findings.title, findingLines(findings, page), page)),
    section(
      "What is offered",
      view.offer.flatMap((offer) => offerLines(offer, page)),
      page,
    ),
  ]);
}

function gradeLines(moves: readonly MoveView[], page: Page): readonly string[] {
  const wide = widest(moves);
  return moves.flatMap((move) => {
    const what = move.from === move.to ? move.from : `${move.from} → ${move.to}`;
    return page.says(`  ${move.rulebook.padEnd(wide)}  `, `${what}, ${move.word}`, move.tone);
  });
}

const widest = (moves: readonly MoveView[]): number => Math.max(0, ...moves.map(({ rulebook }) => rulebook.length));

function worthLines({ worth, idle }: ComparisonView, page: Page): readonly string[] {
  if (worth.length + idle.length === 0) return [];
  return [
    ...page.says("  ", "alone: A with this alone as in B; without: B with this alone as in A", "quiet"),
    ...worth.flatMap((each) => topicLines(each, page)),
    ...(idle.length === 0 ? [] : page.says("  ", `Nothing on their own, either way: ${idle.join("; ")}`, "quiet")),
  ];
}

function topicLines({ title, isPart, alone, without }: WorthView, page: Page): readonly string[] {
  const indent = isPart ? "    " : "  ";
  if (alone.length + without.length === 0)
    return page.says(indent, `${title}: nothing on its own, either way`, "quiet");
  return [
    ...page.says(indent, title),
    ...moveLines(`${indent}  alone    `, alone, page),
    ...moveLines(`${indent}  without  `, without, page),
  ];
}

/** From here on each rulebook has a line of its own. */
const roomy = 60;

function moveLines(lead: string, moves: readonly MoveView[], page: Page): readonly string[] {
  if (moves.length === 0) return page.says(lead, "nothing", "quiet");
  if (page.width < roomy)
    return page.says(lead, moves.map(({ rulebook, from, to }) => `${rulebook} ${from} → ${to}`).join("; "));
  const wide = widest(moves);
  return moves.flatMap(({ rulebook, from, to, tone }, index) =>
    page.says(`${index === 0 ? lead : " ".repeat(lead.length)}${rulebook.padEnd(wide)}  `, `${from} → ${to}`, tone),
  );
}

const marks = { good: "✓", bad: "✗", doubtful: "?", quiet: "·" } as const;

function findingLines({ tone, rows }: FindingsView, page: Page): readonly string[] {
  return rows.flatMap(({ message, sides }) => [
    ...page.says(`  ${page.paint(tone, marks[tone])} `, message),
    ...sides.flatMap(({ label, text }) => page.says(`    ${label}  `, shortened(text, { tone, page }), "quiet")),
  ]);
}

/** In full where it is better or worse; else what fits on a line, for the record has it all. */
function shortened(text: string, { tone, page }: { readonly tone: FindingsView["tone"]; readonly page: Page }): string {
  return tone === "good" || tone === "bad" ? text : cut(text, page.width - 7);
}

function offerLines({ title, rows }: OfferView, page: Page): readonly string[] {
  return [
    ...page.says("  ", title),
    ...rows.flatMap(({ mark, text }) => page.says(mark === " " ? "    " : `    ${mark} `, text)),
  ];
}
