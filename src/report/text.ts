import { styleText } from "node:util";
import type { Finding, Report } from "../grade/index.ts";
import { bar, hang } from "./layout.ts";
import { viewOf } from "./view.ts";
import type { GradeView, ReportView } from "./view.ts";
import type { ChainView } from "./view-chain.ts";
import type { SuitesView } from "./view-offer.ts";

export interface TextOptions {
  readonly colour: boolean;
  /** Columns of the terminal; lines are wrapped, at 40 columns at least. */
  readonly width: number;
}

type Style = "good" | "bad" | "doubtful" | "quiet" | "strong";
type Paint = (style: Style, text: string) => string;

interface Page {
  readonly paint: Paint;
  readonly width: number;
}

const formats = { good: "green", bad: "red", doubtful: "yellow", quiet: "dim", strong: "bold" } as const;

/**
 * A report for the terminal. Unknowns are shown as unknown; texts from the network carry no control characters. Ends with a line feed.
 */
export function toText(report: Report, { colour, width }: TextOptions): string {
  const view = viewOf(report);
  const paint: Paint = (style, text) => (colour ? styleText(formats[style], text, { validateStream: false }) : text);
  const page: Page = { paint, width: Math.max(40, Math.min(width, 110)) };
  const sections = [
    header(view, page),
    ...view.grades.map((grade) => gradeSection(grade, page)),
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
    [paint("quiet", `${view.findings.pass.length} rules pass. ${view.cost}.`)],
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

function header({ target, address, time }: ReportView, { paint, width }: Page): readonly string[] {
  return [
    paint("strong", target),
    ...hang("", `${address} · ${time}`, { width, paint: (line) => paint("quiet", line) }),
  ];
}

function gradeSection(grade: GradeView, page: Page): readonly string[] {
  const { paint, width } = page;
  const letter = paint(gradeStyle(grade.grade), paint("strong", grade.grade.padEnd(3)));
  const title = `${grade.rulebook}${grade.note === "" ? "" : `: ${grade.note}`}`;
  const scores = grade.scores.flatMap(({ name, score, why }) => {
    const label = `  ${name.padEnd(13)} `;
    if (score === null) return hang(label, why, { width, paint: (line) => paint("doubtful", line) });
    const lead = `${label}${paint(score >= 90 ? "good" : score >= 65 ? "doubtful" : "bad", bar(score, 20))} ${number(score).padStart(5)}  `;
    return hang(lead, why, { width, leadWidth: label.length + 28, paint: (line) => paint("quiet", line) });
  });
  const total =
    grade.total === null ? [] : [`  ${"Total".padEnd(13)} ${" ".repeat(20)} ${number(grade.total).padStart(5)}`];
  const limits = grade.limits.flatMap((limit) => hang(`  at best ${limit.grade.padEnd(2)}  `, limit.reason, { width }));
  const open = grade.incomplete.flatMap((text) =>
    hang("  not known   ", text, { width, paint: (line) => paint("doubtful", line) }),
  );
  return [...hang(`${letter} `, title, { width, leadWidth: 4 }), ...scores, ...total, ...limits, ...open];
}

function protocols(view: ReportView, { paint, width }: Page): readonly string[] {
  const offers: Readonly<Record<string, Style>> = { "TLSv1.3": "good", "TLSv1.2": "good" };
  return view.protocols.flatMap(({ name, state, detail }) => {
    const lead = `  ${name.padEnd(9)} `;
    if (state === "unknown")
      return hang(lead, `not known: ${detail}`, { width, paint: (line) => paint("doubtful", line) });
    const style = state === "offered" ? (offers[name] ?? "bad") : "quiet";
    return hang(lead, `${state}${detail === "" ? "" : ` (${detail})`}`, { width, paint: (line) => paint(style, line) });
  });
}

function suiteLines({ order, rows, unknown }: SuitesView, { paint, width }: Page): readonly string[] {
  if (unknown !== null) return hang("  ", `not known: ${unknown}`, { width, paint: (line) => paint("doubtful", line) });
  const name = Math.max(...rows.map((row) => row.name.length), 0);
  const lines = rows.flatMap((row) => {
    const words = `${row.name.padEnd(name)}  ${row.bits.padStart(3)}  ${row.exchange}`;
    const marks = row.marks.length === 0 ? "" : `  ${paint("bad", row.marks.join(", "))}`;
    return words.length + 2 <= width
      ? [`  ${words}${marks}`]
      : hang("  ", `${row.name} ${row.bits} ${row.exchange} ${row.marks.join(", ")}`.trimEnd(), { width });
  });
  return [...hang("  ", order, { width, paint: (line) => paint("quiet", line) }), ...lines];
}

function groups(
  { groups: { order, negotiated, rows, unknown } }: ReportView,
  { paint, width }: Page,
): readonly string[] {
  if (unknown !== null) return hang("  ", `not known: ${unknown}`, { width, paint: (line) => paint("doubtful", line) });
  const title = `${order}; negotiated: ${negotiated ?? "not known"}`;
  const name = Math.max(...rows.map((row) => row.name.length), 0);
  const lines = rows.flatMap((row) => {
    const hybrid = row.postQuantum ? paint("good", "post-quantum") : "";
    return [`  ${row.name.padEnd(name)}  ${[row.strength, hybrid].filter((text) => text !== "").join("  ")}`];
  });
  return [...hang("  ", title, { width, paint: (line) => paint("quiet", line) }), ...lines];
}

function chains({ chains: { unknown, rows } }: ReportView, page: Page): readonly (readonly string[])[] {
  if (unknown === null)
    return rows.map((chain) => section(`Certificate: ${chain.title}`, chainLines(chain, page), page));
  const { paint, width } = page;
  return [
    section(
      "Certificates",
      hang("  ", `not known: ${unknown}`, { width, paint: (line) => paint("doubtful", line) }),
      page,
    ),
  ];
}

function chainLines({ facts, certificates }: ChainView, { paint, width }: Page): readonly string[] {
  const told = facts.flatMap(({ name, value, good }) =>
    hang(`  ${name.padEnd(15)} `, value, { width, paint: (line) => (good === false ? paint("bad", line) : line) }),
  );
  const sent = certificates.flatMap(({ subject, detail }, index) => [
    ...hang(`  ${`${index + 1}.`.padEnd(3)} `, subject, { width }),
    ...hang("      ", detail, { width, paint: (line) => paint("quiet", line) }),
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
  const { paint, width } = page;
  const lead = `  ${paint("doubtful", "?")} `;
  return [
    ...grave.flatMap((finding) => findingLines(finding, page)),
    ...(topics.length === 0
      ? []
      : hang(lead, `Not examined or not known, and left out of the grade: ${topics.join("; ")}`, {
          width,
          leadWidth: 4,
        })),
  ];
}

const marks = { fail: ["✗", "bad"], unknown: ["?", "doubtful"], info: ["·", "quiet"], pass: ["✓", "good"] } as const;

function findingLines(finding: Finding, { paint, width }: Page): readonly string[] {
  const [mark, style] = marks[finding.outcome];
  const worry = finding.severity === "info" ? "" : ` [${finding.severity}]`;
  const quiet = { width, paint: (line: string) => paint("quiet", line) };
  return [
    ...hang(`  ${paint(style, mark)} `, `${finding.message}${worry}`, { width, leadWidth: 4 }),
    ...(finding.evidence === "" ? [] : hang("    ", finding.evidence, quiet)),
    ...(finding.fix === null ? [] : hang("    → ", finding.fix, { width })),
    ...(finding.outcome === "fail" ? hang("    ", finding.reference, quiet) : []),
  ];
}

function section(title: string, lines: readonly string[], { paint }: Page): readonly string[] {
  return lines.length === 0 ? [] : [paint("strong", title), ...lines];
}

function gradeStyle(grade: string): Style {
  if (grade.startsWith("A")) return "good";
  return grade === "B" || grade === "?" ? "doubtful" : "bad";
}

/** At most two decimals. */
function number(value: number): string {
  return String(Math.round(value * 100) / 100);
}
