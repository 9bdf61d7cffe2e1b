/** What a comparison shows, in order and in words. Every text is cleaned here; renderers only lay it out. */
import type {
  ComparedSide,
  Comparison,
  FactChange,
  Finding,
  FindingChange,
  ListChange,
  Move,
  Standing,
  Verdict,
  Worth,
} from "../grade/index.ts";
import { clean } from "./clean.ts";
import { number } from "./page.ts";

export type Tone = "good" | "bad" | "doubtful" | "quiet";

export interface MoveView {
  readonly rulebook: string;
  readonly from: string;
  readonly to: string;
  /** `better`, `worse` … */
  readonly word: string;
  readonly tone: Tone;
}

export interface WorthView {
  readonly title: string;
  /** Of a topic that was named before. */
  readonly isPart: boolean;
  readonly alone: readonly MoveView[];
  readonly without: readonly MoveView[];
}

export interface FindingsView {
  readonly title: string;
  readonly tone: Tone;
  readonly rows: readonly {
    readonly id: string;
    readonly message: string;
    /** What each side has: `fail, medium: …`. */
    readonly sides: readonly { readonly label: "A" | "B"; readonly text: string }[];
  }[];
}

export interface OfferView {
  readonly title: string;
  readonly rows: readonly { readonly mark: "+" | "-" | " "; readonly text: string }[];
}

export interface SideView {
  readonly label: "A" | "B";
  readonly name: string;
  /** By the first rulebook; `?` where it cannot be said. */
  readonly grade: string;
  readonly details: readonly string[];
}

export interface ComparisonView {
  readonly sides: readonly SideView[];
  readonly rulebooks: readonly MoveView[];
  readonly worth: readonly WorthView[];
  /** Titles of topics that differ and move nothing. */
  readonly idle: readonly string[];
  readonly findings: readonly FindingsView[];
  readonly offer: readonly OfferView[];
  readonly isSame: boolean;
}

export function viewComparison(comparison: Comparison): ComparisonView {
  const { a, b, rulebooks, worth, findings, offer } = comparison;
  const moves = ({ alone, without }: Worth): boolean => alone.length + without.length > 0;
  // Parts are told below what they are of, which they may cancel out in; where all are idle, it stands for them.
  const isTold = (each: Worth): boolean =>
    moves(each) || worth.some((part) => each.parts.includes(part.topic) && moves(part));
  const isPart = ({ topic }: Worth): boolean => worth.some(({ parts }) => parts.includes(topic));
  const told = worth.filter(
    (each) => isTold(each) || worth.some((whole) => whole.parts.includes(each.topic) && isTold(whole)),
  );
  const offers = viewOffer(offer);
  return {
    sides: [viewSide("A", a, rulebooks[0]?.a), viewSide("B", b, rulebooks[0]?.b)],
    rulebooks: rulebooks.map(({ rulebook, a: from, b: to, verdict }) => viewMove({ rulebook, from, to, verdict })),
    worth: told.map((each) => ({
      title: titleOf(each),
      isPart: isPart(each),
      alone: each.alone.map(viewMove),
      without: each.without.map(viewMove),
    })),
    idle: worth.filter((each) => !told.includes(each) && !isPart(each)).map(titleOf),
    findings: viewFindings(findings),
    offer: offers,
    isSame: worth.length + findings.length + offers.length === 0,
  };
}

function viewSide(label: "A" | "B", side: ComparedSide, standing: Standing | undefined): SideView {
  const { name, target, trialFor, time, trustAside, restated } = side;
  const { host, port, address, serverName } = target;
  const seen = trialFor ?? `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const called = serverName === "" || serverName === host ? "" : `, name ${serverName}`;
  const at = time.replace(/^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d).*Z$/, "$1 $2 UTC");
  return {
    label,
    name: clean(name),
    grade: clean(standing?.value ?? "?"),
    details: [
      clean(`${seen === name ? "" : `${seen}, `}${address}${called} · ${at}`),
      ...(trustAside ? ["letters are those with trust aside"] : []),
      ...restated.map(({ rulebook, said }) =>
        clean(`it said ${said} by ${rulebookName(rulebook)} when it was made; here it is judged anew`),
      ),
    ],
  };
}

const tones: Readonly<Record<Verdict, Tone>> = {
  better: "good",
  worse: "bad",
  same: "quiet",
  changed: "quiet",
  unknown: "doubtful",
};
const words: Readonly<Record<Verdict, string>> = {
  better: "better",
  worse: "worse",
  same: "same",
  changed: "changed, neither better nor worse",
  unknown: "cannot be said",
};

function viewMove({ rulebook, from, to, verdict }: Move): MoveView {
  const scored = from.total !== to.total;
  return {
    rulebook: clean(rulebookName(rulebook)),
    from: wordsOf(from, scored),
    to: wordsOf(to, scored),
    word: words[verdict],
    tone: tones[verdict],
  };
}

const rulebookName = (id: string): string => (id === "aaa" ? "AAA" : id);

function wordsOf({ value, total }: Standing, scored: boolean): string {
  const text = clean(value ?? "not known");
  return scored && total !== null ? `${text} (${number(total)})` : text;
}

function titleOf({ title, unknown }: Worth): string {
  const sides = [...(unknown.a ? ["A"] : []), ...(unknown.b ? ["B"] : [])];
  return sides.length === 0 ? title : `${title} (not wholly known in ${sides.join(" and ")})`;
}

const groups: readonly { readonly verdict: FindingChange["verdict"]; readonly title: string }[] = [
  { verdict: "worse", title: "Worse" },
  { verdict: "better", title: "Better" },
  { verdict: "unknown", title: "Not known any more, or only now" },
  { verdict: "changed", title: "Changed, neither better nor worse" },
];

function viewFindings(changes: readonly FindingChange[]): readonly FindingsView[] {
  return groups.flatMap(({ verdict, title }) => {
    const own = changes.filter((change) => change.verdict === verdict);
    return own.length === 0
      ? []
      : [{ title: `${title} (${own.length})`, tone: tones[verdict], rows: own.map(viewChange) }];
  });
}

function viewChange({ id, a, b }: FindingChange): FindingsView["rows"][number] {
  const message = (b ?? a)?.message ?? id;
  return {
    id: clean(id),
    message: clean(message),
    sides: [
      { label: "A", text: sideText(a, b, message) },
      { label: "B", text: sideText(b, a, message) },
    ],
  };
}

/** Where the outcomes differ, what they rest on says enough; else the message, where it is not shown already. */
function sideText(own: Finding | null, other: Finding | null, shown: string): string {
  if (own === null) return "nothing to say";
  const { outcome, severity, message, evidence } = own;
  const what = severity === "info" ? outcome : `${outcome}, ${severity}`;
  const isTold = message === shown || (evidence !== "" && other !== null && other.outcome !== outcome);
  const told = [isTold ? "" : message, evidence].filter((text) => text !== "").map(clean);
  return told.length === 0 ? what : `${what}: ${told.join(": ")}`;
}

function viewOffer({ protocols, suites, groups: inGroups, certificates }: Comparison["offer"]): readonly OfferView[] {
  const none = { added: [], removed: [] };
  return [
    { title: "Protocols", rows: rowsOf({ ...none, facts: protocols }) },
    ...suites.map((each) => ({ title: `Cipher suites of ${each.protocol}`, rows: rowsOf(each) })),
    { title: "Groups", rows: rowsOf(inGroups) },
    { title: "Certificates", rows: rowsOf(certificates) },
  ].filter(({ rows }) => rows.length > 0);
}

function rowsOf({ added, removed, facts }: ListChange & { readonly facts: readonly FactChange[] }): OfferView["rows"] {
  return [
    ...removed.map((text) => ({ mark: "-" as const, text: clean(text) })),
    ...added.map((text) => ({ mark: "+" as const, text: clean(text) })),
    ...facts.map(({ what, a, b }) => ({ mark: " " as const, text: clean(`${what}: ${a} → ${b}`) })),
  ];
}
