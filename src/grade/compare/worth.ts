import { isDeepStrictEqual } from "node:util";
import type { Observations } from "../../probe/index.ts";
import { judge } from "../judge.ts";
import { differ } from "./outcome.ts";
import { standingsOf, verdictOn } from "./standing.ts";
import { offerTopics } from "./topics-offer.ts";
import { flawGroup, topics } from "./topics.ts";
import type { Move, Standing, Worth } from "./types.ts";

/** What each difference of two looks is worth: each is judged again with one topic as the other saw it, the rest as it is. */
export function worthOf(a: Observations, b: Observations, ignoreTrust: boolean): readonly Worth[] {
  const standings = (of: Observations): ReadonlyMap<string, Standing> => standingsOf(judge(of), ignoreTrust);
  const [ofA, ofB] = [standings(a), standings(b)];
  return [...offerTopics(a, b), ...flawGroup(a, b), ...topics].flatMap(
    ({ id, title, parts, facts, put }): readonly Worth[] => {
      const [inA, inB] = [facts(a), facts(b)];
      if (!differ(inA, inB)) return [];
      const alone = moves(ofA, standings(put(a, b)));
      const without = moves(ofB, standings(put(b, a)));
      const unknown = { a: inA.some(({ known }) => !known), b: inB.some(({ known }) => !known) };
      return [{ topic: id, title, parts, unknown, alone, without }];
    },
  );
}

function moves(from: ReadonlyMap<string, Standing>, to: ReadonlyMap<string, Standing>): readonly Move[] {
  return [...from].flatMap(([rulebook, before]) => {
    const after = to.get(rulebook);
    if (after === undefined || isDeepStrictEqual(before, after)) return [];
    return [{ rulebook, from: before, to: after, verdict: verdictOn(rulebook, before, after) }];
  });
}
