import { concat, contentTypes, encodeRecords, uint } from "../../wire/index.ts";
import { buildHello } from "../client/hello.ts";
import type { Look, Talked } from "../look.ts";
import { failed, observed, unknownOf } from "../outcome.ts";
import type { FlawSeen, Outcome } from "../types.ts";
import { planFor, type Opportunity } from "./known.ts";
import { openHandshake } from "./opening.ts";
import { nextTelling, type Reaction } from "./reaction.ts";

/** Claimed by the request that has no payload: more than a sound answer has, less than could hold anything much. */
const claimed = 64;
/** Payload of the sound request behind it. */
const honest = 16;
/** Type and length before a heartbeat's payload, and the least padding after it (RFC 6520, 4). */
const [header, padding] = [3, 16];

/**
 * Flaw `heartbleed` (CVE-2014-0160). A heartbeat that claims 64 bytes and has none, then a sound one: a flawed server
 * answers the first, a sound one only the second, so that nothing is waited for. Of an answer only the length is looked at.
 * Connections: 1; 2 where there is no answer.
 */
export async function probeHeartbleed(look: Look, found: Opportunity): Promise<Outcome<FlawSeen>> {
  const first = await attempt(look, found);
  if (first.kind !== "done") return unknownOf(first);
  if (first.value.kind === "record" || first.value.kind === "alert") return concludeHeartbleed([first.value]);
  // An answer may wait in the server's buffer for the end of its flight: a record out of place makes it say all that it has. A server that
  // stops reading at a heartbeat takes one record each time that something comes: two heartbeats, then that record.
  const second = await attempt(look, found, first.value.kind === "silence" ? 3 : 0);
  return second.kind === "done" ? concludeHeartbleed([first.value, second.value]) : unknownOf(second);
}

/** What the first reactions to the pair of heartbeats show, in two connections where the first gave no answer. */
export function concludeHeartbleed(reactions: readonly Reaction[]): Outcome<FlawSeen> {
  const [first] = reactions;
  const answer = reactions.find((each) => each.kind === "record" && each.type === contentTypes.heartbeat);
  if (answer?.kind === "record") {
    const { length } = answer.content;
    if (length >= header + claimed)
      return observed({
        present: true,
        evidence: `a heartbeat of no payload that claims ${claimed} bytes is answered with ${length} bytes`,
      });
    return observed({
      present: false,
      evidence: `a heartbeat that claims more than it has is discarded, the sound one after it answered with ${length} bytes`,
    });
  }
  if (first?.kind === "alert")
    return observed({
      present: false,
      evidence: `a heartbeat that claims more than it has is met by alert ${first.alert}`,
    });
  if (reactions.length > 1 && reactions.every(({ kind }) => kind === "closed"))
    return observed({ present: false, evidence: "a heartbeat that claims more than it has ends the connection" });
  return failed(`heartbeats are answered by ${reactions.map(({ kind }) => kind).join(", then ")}`);
}

function attempt(look: Look, found: Opportunity, outOfPlace = 0): Promise<Talked<Reaction>> {
  return look.talk(async (channel) => {
    const { flight, watch } = await openHandshake(
      look,
      channel,
      buildHello({ ...planFor(found), plain: false }, { serverName: look.target.serverName, random: look.random }),
    );
    const record = (fragment: Uint8Array): Uint8Array =>
      encodeRecords(contentTypes.heartbeat, flight.serverHello.version, fragment);
    const bleeding = concat(uint(1, 1), uint(2, claimed));
    const sound = concat(uint(1, 1), uint(2, honest), look.random(honest + padding));
    const early = encodeRecords(contentTypes.applicationData, flight.serverHello.version, uint(1, 0));
    channel.send(concat(record(bleeding), record(sound)));
    let reaction = await nextTelling(watch);
    for (let sent = 0; sent < outOfPlace && reaction.kind === "silence"; sent += 1) {
      channel.send(early);
      reaction = await nextTelling(watch);
    }
    return reaction;
  });
}
