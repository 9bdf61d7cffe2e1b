import type { Channel } from "../client/channel.ts";
import type { Look, Talked } from "../look.ts";
import { unknownOf, type Unknown } from "../outcome.ts";
import { confirmSilence } from "./confirm.ts";

/** Classes of the reactions to each of a set of malformed messages, in one pass. */
export type Pass<Vector extends string> = Readonly<Record<Vector, string>>;

/** The class of one reaction. */
export interface Seen {
  readonly seen: string;
}

/** Passes that must agree before a difference is believed. */
const repetitions = 3;

/**
 * Sends each malformed message on a connection of its own and compares the reactions: once where they are all the same and not silence, three times where they
 * differ. The classes, or why there are none.
 */
export async function comparePasses<Vector extends string>(
  look: Look,
  vectors: readonly Vector[],
  attempt: (channel: Channel, vector: Vector) => Promise<Seen>,
): Promise<readonly Pass<Vector>[] | Unknown> {
  const passes: Pass<Vector>[] = [];
  const ask = (vector: Vector): Promise<Talked<Seen>> =>
    confirmSilence(look, isSilent, (channel) => attempt(channel, vector));
  do {
    const reactions = await Promise.all(vectors.map(async (vector) => [vector, await ask(vector)] as const));
    const classes: [Vector, string][] = [];
    for (const [vector, talked] of reactions) {
      if (talked.kind !== "done") return unknownOf(talked);
      classes.push([vector, talked.value.seen]);
    }
    passes.push(Object.fromEntries(classes) as Record<Vector, string>);
  } while (passes.length < repetitions && passes.some(isTelling));
  return passes;
}

/** Whether a class, also one with words behind it, stands for an answer that could not be opened or read: it says nothing of the server. */
export function isGarbage(seen: string): boolean {
  return seen.startsWith("garbage");
}

function isSilent({ seen }: Seen): boolean {
  return seen === "silence";
}

/** Reactions differ, or one is not how a sound server takes what cannot be read. */
function isTelling(pass: Pass<string>): boolean {
  return new Set(Object.values(pass)).size > 1 || Object.values(pass).includes("data");
}
