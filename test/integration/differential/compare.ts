import type { Fact, Facts } from "../../tools/fleet/facts.ts";

/** One thing that two lookers at the same server do not agree on. Of lists each item is one, whatever its place. */
export interface Difference {
  readonly fixture: string;
  readonly peer: string;
  readonly fact: string;
  /** Who says it: only we, only the peer; for a plain value `theirs` says the peer's, `missing` that we have none. */
  readonly side: "ours" | "theirs" | "missing";
  readonly item: string;
}

/** A difference that is understood. `fixtures`, `fact` and `item` are patterns for the whole text. */
export interface KnownDifference {
  readonly peer: string;
  readonly fixtures: string;
  readonly fact: string;
  readonly side: Difference["side"];
  readonly item: string;
  /** Who is right, and why. */
  readonly reason: string;
  /** Where that can be seen. */
  readonly evidence: string;
}

/** What differs, of the facts that the peer has. A fact that it has and we have not is a difference too. */
export function differences(of: { fixture: string; peer: string; ours: Facts; theirs: Facts }): Difference[] {
  const { fixture, peer, ours, theirs } = of;
  return Object.entries(theirs).flatMap(([fact, their]) => {
    const our = ours[fact];
    const found: [Difference["side"], string][] =
      our === undefined ? [["missing", textOf(their)]] : inValues(our, their);
    return found.map(([side, item]) => ({ fixture, peer, fact, side, item }));
  });
}

/** Differences that are on no list, and entries of the list that nothing matched. */
export function judge(
  found: readonly Difference[],
  known: readonly KnownDifference[],
): { unknown: readonly Difference[]; stale: readonly KnownDifference[] } {
  return {
    unknown: found.filter((difference) => !known.some((entry) => matches(entry, difference))),
    stale: known.filter((entry) => !found.some((difference) => matches(entry, difference))),
  };
}

function inValues(our: Fact, their: Fact): [Difference["side"], string][] {
  if (typeof our !== "object" || typeof their !== "object")
    return textOf(our) === textOf(their) ? [] : [["theirs", textOf(their)]];
  return [
    ...our.filter((item) => !their.includes(item)).map((item): [Difference["side"], string] => ["ours", item]),
    ...their.filter((item) => !our.includes(item)).map((item): [Difference["side"], string] => ["theirs", item]),
  ];
}

function matches(entry: KnownDifference, difference: Difference): boolean {
  return (
    entry.peer === difference.peer &&
    entry.side === difference.side &&
    whole(entry.fixtures).test(difference.fixture) &&
    whole(entry.fact).test(difference.fact) &&
    whole(entry.item).test(difference.item)
  );
}

function whole(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`);
}

function textOf(fact: Fact): string {
  return typeof fact === "object" ? fact.join(" ") : String(fact);
}
