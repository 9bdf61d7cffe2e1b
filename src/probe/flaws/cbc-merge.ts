import { failed, isNotApplicable, notApplicable, observed, untestable } from "../outcome.ts";
import type { FlawSeen, Outcome, SuiteSeen } from "../types.ts";
import { isAes, type CbcOffer } from "./cbc-combinations.ts";
import { cbcFlaws, type CbcFlaw, type CbcOutcomes } from "./cbc-flaws.ts";

/** What was seen of each flaw with one version and suite. */
export interface CbcPart {
  readonly where: string;
  readonly outcomes: CbcOutcomes;
}

/** Of `lucky-minus-20`: the one flaw of CBC that not every suite with CBC can have. */
export const withoutAes = notApplicable("no suite with AES in CBC mode is offered");

interface Said {
  readonly where: string;
  readonly outcome: Outcome<FlawSeen>;
}

/**
 * What the combinations show together. A flaw that any has is there. Failing that, what failed leaves it unknown, then what could not be looked at, and so does a
 * version whose suites are not known. It is absent where all that was asked is sound, and not applicable where that is all that was found.
 */
export function mergeCbc(
  parts: readonly CbcPart[],
  { unknown, incomputable }: Omit<CbcOffer, "computable">,
): CbcOutcomes {
  const merged = cbcFlaws.map((flaw) => {
    // CVE-2016-2107 is in code for AES.
    const left = flaw === "lucky-minus-20" ? incomputable.filter(isAes) : incomputable;
    const asked = parts.map(({ where, outcomes }) => ({ where, outcome: outcomes[flaw] }));
    return [flaw, mergeFlaw(asked, { unknown, left })] as const;
  });
  return Object.fromEntries(merged) as Record<CbcFlaw, Outcome<FlawSeen>>;
}

function mergeFlaw(
  asked: readonly Said[],
  { unknown, left }: { unknown: CbcOffer["unknown"]; left: readonly SuiteSeen[] },
): Outcome<FlawSeen> {
  const applicable = asked.filter(({ outcome }) => !isNotApplicable(outcome));
  const names = left.map(({ opensslName, name }) => opensslName ?? name).join(", ");
  const isOnlyLeft = names !== "" && applicable.length === 0;
  const said: readonly Said[] = [
    ...applicable,
    ...unknown,
    ...(isOnlyLeft ? [{ where: names, outcome: untestable("cannot be computed here") }] : []),
  ];
  const having = (isWanted: (outcome: Outcome<FlawSeen>) => boolean): readonly Said[] =>
    said.filter(({ outcome }) => isWanted(outcome));
  const present = having((outcome) => outcome.state === "observed" && outcome.value.present);
  const absent = having((outcome) => outcome.state === "observed" && !outcome.value.present);
  const troubles = having(({ state }) => state === "failed");
  const obstacles = having(({ state }) => state === "untestable");
  const beside = names === "" || isOnlyLeft ? [] : [`not looked at, as they cannot be computed here: ${names}`];
  const notWith = absent.length === 0 ? [] : [`not seen with ${wheres(absent)}`];

  if (present.length > 0) {
    const open = [...troubles, ...obstacles];
    const notKnown = open.length === 0 ? [] : [`not known of ${tell(open)}`];
    return observed({ present: true, evidence: [tell(present), ...notWith, ...notKnown, ...beside].join("; ") });
  }
  const why = [tell([...troubles, ...obstacles]), ...notWith].join("; ");
  if (troubles.length > 0) return failed(why);
  if (obstacles.length > 0) return untestable(why);
  if (absent.length > 0) return observed({ present: false, evidence: [tell(absent), ...beside].join("; ") });
  return withoutAes;
}

/** What was said, each text once, behind the combinations that it was said of. */
function tell(said: readonly Said[]): string {
  const texts = Map.groupBy(said, ({ outcome }) =>
    outcome.state === "observed" ? outcome.value.evidence : outcome.why,
  );
  return [...texts].map(([text, group]) => `${wheres(group)}: ${text}`).join("; ");
}

function wheres(said: readonly Said[]): string {
  return said.map(({ where }) => where).join(", ");
}
