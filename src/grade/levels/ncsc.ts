/** NCSC-NL's guidelines item by item. An item is as good as its worst part; what is not known may be the worst. */
import type { Observations } from "../../probe/index.ts";
import { listed } from "../facts.ts";
import { levelNames, ncscNl2025 } from "../rulebooks/ncsc-nl-2025.ts";
import type { NcscLevel } from "../rulebooks/ncsc-nl-2025.ts";
import type { Finding, Judgement, Limit } from "../types.ts";
import { items } from "./ncsc-items.ts";
import type { NcscItem, Rating } from "./ncsc-items.ts";

/** What an item is at best and at worst; the same when all is known. */
interface Span {
  readonly best: NcscLevel;
  readonly worst: NcscLevel;
  readonly because: string;
}

/** The overall level is the worst of all items; a finding per item. */
export function judgeNcsc(observations: Observations): Judgement {
  const judged = items.map((item) => ({ item, span: spanOf(item.rate(observations)) }));
  const best = worstOf(judged.map(({ span }) => span.best));
  const worst = worstOf(judged.map(({ span }) => span.worst));
  const open = judged.filter(({ span }) => span.best !== span.worst && rank(span.worst) > rank(best));
  const limits = judged
    .filter(({ span }) => span.best !== "good")
    .toSorted((a, b) => rank(b.span.best) - rank(a.span.best))
    .map(({ item, span }): Limit => ({
      level: span.best,
      finding: idOf(item),
      reason: `${item.title}: ${span.because}`,
      reference: referenceOf(item),
    }));
  return {
    result: {
      level: best === worst ? best : null,
      limits,
      profiles: {},
      incomplete: best === worst ? [] : open.map(({ item, span }) => `${item.title}: ${span.because}`),
    },
    findings: judged.map(({ item, span }) => finding(item, span)),
  };
}

function spanOf({ known, gaps }: Rating): Span {
  const best = worstOf(known.map(({ level }) => level));
  const reached = known.filter(({ level }) => level === best).map(({ what }) => what);
  const what = listed(reached);
  if (gaps.length === 0 || best === "insufficient") return { best, worst: best, because: what };
  return { best, worst: "insufficient", because: [...(best === "good" ? [] : [what]), ...gaps].join("; ") };
}

const rank = (level: NcscLevel): number => levelNames.indexOf(level);

function worstOf(levels: readonly NcscLevel[]): NcscLevel {
  return levels.reduce((worst, level) => (rank(level) > rank(worst) ? level : worst), "good");
}

const enough = (level: NcscLevel): boolean => rank(level) <= rank("sufficient");
const severities = { good: "info", sufficient: "info", "phase-out": "low", insufficient: "medium" } as const;

function finding(item: NcscItem, { best, worst, because }: Span): Finding {
  const outcome = !enough(best) ? "fail" : enough(worst) ? "pass" : "unknown";
  const said = best === worst ? best : outcome === "unknown" ? "not known" : `${best} at best`;
  return {
    id: idOf(item),
    outcome,
    severity: outcome === "fail" ? severities[best] : "info",
    message: `NCSC-NL, ${item.title}: ${said}`,
    evidence: because,
    reference: referenceOf(item),
    fix: outcome === "fail" ? item.fix : null,
  };
}

const idOf = (item: NcscItem): string => `${ncscNl2025.id}.${item.id}`;
const referenceOf = (item: NcscItem): string => `${ncscNl2025.title}: ${item.section}`;
