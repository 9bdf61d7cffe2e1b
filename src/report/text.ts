import type { Finding, Report } from "../grade/index.ts";
import { bar, cut, hang } from "./layout.ts";
import { joined, number, pageOf, section } from "./page.ts";
import type { Page, Style, TextOptions } from "./page.ts";
import { viewOf } from "./view.ts";
import type { GradeView, ReportView } from "./view.ts";
import type { ChainView } from "./view-chain.ts";
import type { LevelView } from "./view-level.ts";
import type { SuitesView } from "./view-offer.ts";

/**
 * A report for the terminal. Unknowns are shown as unknown, one reason for everything once; texts from the network carry no control characters. Ends with a line feed.
 */
export function toText(report: Report, options: TextOptions): string {
  const view = viewOf(report);
  const page = pageOf(options);
  if (view.speechless !== null) return joined([header(view, page), page.says("", view.speechless, "bad")]);
  const sections = [
    header(view, page),
    ...view.grades.map((grade) => gradeSection(grade, page)),
    section("Other rulebooks", levelLines(view.levels, page), page),
    section("Protocols", protocols(view, page), page),
    ...view.suites.map((suites) => section(`Cipher suites of ${suites.protocol}`, suiteLines(suites, page), page)),
    section("Groups", groups(view, page), page),
    ...chains(view, page),
    section(
      "Failed",
      view.findings.fail.flatMap((finding) => findingLines(finding, page)),
      page,
    ),
    section("Not known", unknownLines(view.findings.unknown, page), page),
    section(
      "Information",
      view.findings.info.filter(({ id }) => !shownElsewhere.test(id)).flatMap((finding) => findingLines(finding, page)),
      page,
    ),
    page.says("", `${view.findings.pass.length} rules pass. ${view.cost}.`, "quiet"),
  ];
  return joined(sections);
}

function header({ target, address, time }: ReportView, page: Page): readonly string[] {
  return [...page.says("", target, "strong"), ...page.says("", `${address} · ${time}`, "quiet")];
}

function gradeSection(grade: GradeView, page: Page): readonly string[] {
  const { paint, width } = page;
  const letter = paint(gradeStyle(grade.grade), paint("strong", grade.grade.padEnd(3)));
  const title = `${grade.rulebook}${grade.note === "" ? "" : `: ${grade.note}`}`;
  const total = `  ${"Total".padEnd(13)} ${" ".repeat(barCells(width))} ${number(grade.total ?? 0).padStart(5)}`;
  return [
    ...page.says(`${letter} `, title),
    ...grade.scores.flatMap((score) => scoreLines(score, page)),
    ...(grade.total === null ? [] : [total]),
    ...grade.limits.flatMap((limit) => page.says(`  ${limit.lead.padEnd(10)}  `, limit.reason)),
    ...grade.incomplete.flatMap((text) => page.says("  not known   ", text, "doubtful")),
  ];
}

/** One line where the verdict is good; else what holds it there, each on a line. */
function levelLines(levels: readonly LevelView[], { paint, width }: Page): readonly string[] {
  const styles = { good: "good", doubtful: "doubtful", bad: "bad" } as const;
  return levels.flatMap(({ rulebook, level, tone, topics, reasons }) => {
    const lead = `  ${rulebook.padEnd(13)} `;
    const short = tone === "good" && reasons.length > 0 ? `, limited by ${topics.join(", ")}` : "";
    const colour = (line: string): string =>
      line.startsWith(level) ? paint(styles[tone], level) + line.slice(level.length) : line;
    return [
      ...hang(lead, level + short, { width, paint: colour }),
      ...(short === "" ? reasons : []).flatMap((reason) => hang(" ".repeat(lead.length), reason, { width })),
    ];
  });
}

/** From here on a score's reason fits beside its bar. */
const roomy = 70;
const barCells = (width: number): number => (width < roomy ? 12 : 20);

function scoreLines({ name, score, why }: GradeView["scores"][number], page: Page): readonly string[] {
  const { paint, width } = page;
  const label = `  ${name.padEnd(13)} `;
  if (score === null) return page.says(label, why, "doubtful");
  const style = score >= 90 ? "good" : score >= 65 ? "doubtful" : "bad";
  const lead = `${label}${paint(style, bar(score, barCells(width)))} ${number(score).padStart(5)}`;
  if (width < roomy) return [lead, ...page.says("    ", why, "quiet")];
  return page.says(`${lead}  `, why, "quiet");
}

function protocols(view: ReportView, page: Page): readonly string[] {
  const offers: Readonly<Record<string, Style>> = { "TLSv1.3": "good", "TLSv1.2": "good" };
  return view.protocols.flatMap(({ name, state, detail }) => {
    const lead = `  ${name.padEnd(9)} `;
    if (state === "unknown") return page.says(lead, `not known: ${detail}`, "doubtful");
    const style = state === "offered" ? (offers[name] ?? "bad") : "quiet";
    return page.says(lead, `${state}${detail === "" ? "" : ` (${detail})`}`, style);
  });
}

function suiteLines({ order, rows, unknown }: SuitesView, page: Page): readonly string[] {
  if (unknown !== null) return page.says("  ", `not known: ${unknown}`, "doubtful");
  const cells = rows.map(({ name, bits, exchange, marks }) => [name, bits.padStart(3), exchange, marks.join(", ")]);
  return [...page.says("  ", order, "quiet"), ...table(cells, "bad", page)];
}

function groups({ groups: { order, negotiated, rows, unknown } }: ReportView, page: Page): readonly string[] {
  if (unknown !== null) return page.says("  ", `not known: ${unknown}`, "doubtful");
  const cells = rows.map(({ name, strength, postQuantum }) => [name, strength, postQuantum ? "post-quantum" : ""]);
  return [
    ...page.says("  ", `${order}; negotiated: ${negotiated ?? "not known"}`, "quiet"),
    ...table(cells, "good", page),
  ];
}

function chains({ chains: { unknown, rows } }: ReportView, page: Page): readonly (readonly string[])[] {
  if (unknown !== null) return [section("Certificates", page.says("  ", `not known: ${unknown}`, "doubtful"), page)];
  return rows.map((chain) => section(`Certificate: ${chain.title}`, chainLines(chain, page), page));
}

function chainLines({ facts, certificates }: ChainView, page: Page): readonly string[] {
  const told = facts.flatMap(({ name, value, good }) =>
    page.says(`  ${name.padEnd(15)} `, value, good === false ? "bad" : undefined),
  );
  const sent = certificates.flatMap(({ subject, detail }, index) => [
    ...page.says(`  ${`${index + 1}.`.padEnd(3)} `, subject),
    ...page.says("      ", detail, "quiet"),
  ]);
  return [...told, ...sent];
}

/** What the score section and the section of unknowns already say. */
const shownElsewhere = /^ssllabs\.(score\.|not-examined$)/;

/** In full where a grade could hang on it; the rest in one paragraph. */
function unknownLines(findings: readonly Finding[], page: Page): readonly string[] {
  const open = findings.filter(({ id }) => !shownElsewhere.test(id));
  const grave = open.filter(({ severity }) => severity !== "info");
  const rest = open.filter(({ severity }) => severity === "info").map(({ message }) => message);
  const topics = rest.map((message) => message.replace(/: not (examined in this version|known)$/, ""));
  const lead = `  ${page.paint("doubtful", "?")} `;
  return [
    ...grave.flatMap((finding) => findingLines(finding, page)),
    ...(topics.length === 0
      ? []
      : page.says(lead, `Not examined or not known, and left out of the grade: ${topics.join("; ")}`)),
  ];
}

const marks = { fail: ["✗", "bad"], unknown: ["?", "doubtful"], info: ["·", "quiet"], pass: ["✓", "good"] } as const;

function findingLines(finding: Finding, page: Page): readonly string[] {
  const [mark, style] = marks[finding.outcome];
  if (finding.outcome === "info" && finding.severity === "info") return remarkLines(finding, page);
  const worry = finding.severity === "info" ? "" : ` [${finding.severity}]`;
  return [
    ...page.says(`  ${page.paint(style, mark)} `, `${finding.message}${worry}`),
    ...(finding.evidence === "" ? [] : page.says("    ", evidenceOf(finding, page), "quiet")),
    ...(finding.fix === null ? [] : page.says("    → ", finding.fix)),
    ...(finding.outcome === "fail" ? page.says("    ", finding.reference, "quiet") : []),
  ];
}

/** In full where a grade hangs on it; else what fits on a line, for the other formats have it all. */
function evidenceOf({ outcome, evidence }: Finding, { width }: Page): string {
  return outcome === "info" ? cut(evidence, width - 4) : evidence;
}

/** A remark that worries nobody: its evidence only where both fit on one line. */
function remarkLines({ message, evidence }: Finding, { paint, width, says }: Page): readonly string[] {
  const [mark, style] = marks.info;
  const together = `${message} (${evidence})`;
  const text = evidence === "" || together.length + 4 > width ? message : together;
  return says(`  ${paint(style, mark)} `, text);
}

/** Rows in columns, the last cell in a style of its own; a row too wide for the page becomes a paragraph. */
function table(rows: readonly (readonly string[])[], last: Style, page: Page): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.flatMap((row) => {
    const line = `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd();
    if (line.length > page.width) return page.says("  ", row.filter((cell) => cell !== "").join(" "));
    const end = row.at(-1) ?? "";
    return [end === "" ? line : line.slice(0, line.length - end.length) + page.paint(last, end)];
  });
}

function gradeStyle(grade: string): Style {
  if (grade === "B" || grade === "?" || grade.includes(" to ")) return "doubtful";
  return grade.startsWith("A") ? "good" : "bad";
}
