/** What two judged reports have in common and where they differ. `a` is the first, `b` the second. */
import type { Finding, Report } from "../types.ts";

/** Better or worse is said of `b`. `changed`: another one that is neither; `unknown`: one of both is not known. */
export type Verdict = "better" | "worse" | "same" | "changed" | "unknown";

/** What a rulebook says in the end. AAA counts as a rulebook with `yes` and `no`. */
export interface Standing {
  /** A letter or level; null when it cannot be said. */
  readonly value: string | null;
  /** Of rulebooks with scores; null where there is no value. */
  readonly total: number | null;
}

export interface RulebookComparison {
  readonly rulebook: string;
  readonly a: Standing;
  readonly b: Standing;
  /** By letters and levels: a score alone makes nothing better or worse. */
  readonly verdict: Verdict;
}

/** A finding that is not the same in both. */
export interface FindingChange {
  readonly id: string;
  readonly verdict: Exclude<Verdict, "same">;
  readonly change: "outcome" | "severity" | "message" | "new" | "gone";
  /** Null where the rule has nothing to say. */
  readonly a: Finding | null;
  readonly b: Finding | null;
}

/** A list that is not the same in both. */
export interface ListChange {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** A fact that is not the same in both, in words. */
export interface FactChange {
  readonly what: string;
  readonly a: string;
  readonly b: string;
}

/** What is offered, where it differs. Lists are compared where both are known. */
export interface OfferChanges {
  readonly protocols: readonly FactChange[];
  /** Of the protocols that both offer. */
  readonly suites: readonly (ListChange & { readonly protocol: string; readonly facts: readonly FactChange[] })[];
  readonly groups: ListChange & { readonly facts: readonly FactChange[] };
  /** Leaves that are new or gone, and what is another way with those that stay. */
  readonly certificates: ListChange & { readonly facts: readonly FactChange[] };
}

/** A rulebook that says something else when one topic is exchanged. */
export interface Move {
  readonly rulebook: string;
  readonly from: Standing;
  readonly to: Standing;
  readonly verdict: Verdict;
}

/** What the difference in one topic of observations is worth, by judging again. */
export interface Worth {
  /** Stable: `protocols`, `offer.TLSv1.0`, `flaw.heartbleed`, `certificates`. */
  readonly topic: string;
  readonly title: string;
  /** The topics that this one takes together; none for a single one. */
  readonly parts: readonly string[];
  /** Where something of the topic is not known. */
  readonly unknown: { readonly a: boolean; readonly b: boolean };
  /** `a` with this topic alone as in `b`: what it moves. None: nothing on its own. */
  readonly alone: readonly Move[];
  /** `b` with this topic alone as in `a`: what it would be without this difference. */
  readonly without: readonly Move[];
}

/** What is compared. */
export interface ComparedReport {
  /** What it is called: a file, or a target as it was written. */
  readonly name: string;
  readonly report: Report;
  /** What the report said when it was made, where it is judged anew. */
  readonly recorded?: Pick<Report, "aaa" | "grades">;
}

export interface ComparedSide {
  readonly name: string;
  readonly target: Report["target"];
  readonly trialFor?: string;
  readonly time: string;
  /** Its letters are those with trust aside. */
  readonly trustAside: boolean;
  /** Where the report itself once said something else, by the rules of the version that made it. */
  readonly restated: readonly { readonly rulebook: string; readonly said: string }[];
}

export interface Comparison {
  readonly schema: "tlsforge.comparison/1";
  readonly a: ComparedSide;
  readonly b: ComparedSide;
  /** In the order of reports, AAA second. */
  readonly rulebooks: readonly RulebookComparison[];
  /** Worse first, then better, changed and unknown; within these the gravest first. */
  readonly findings: readonly FindingChange[];
  readonly offer: OfferChanges;
  /** Every topic in which observations differ. */
  readonly worth: readonly Worth[];
}
