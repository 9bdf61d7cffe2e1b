import { alertName, contentTypes, DecodeError, decodeAlert } from "../../wire/index.ts";
import { answerOf } from "../client/answer.ts";
import type { Look } from "../look.ts";
import type { MessageReader, RecordContent } from "../client/message-reader.ts";

/** What a server did next, within the time that it was given. Silence is no more than that. */
export type Reaction =
  | { readonly kind: "record"; readonly type: number; readonly content: Uint8Array }
  | { readonly kind: "alert"; readonly level: number; readonly alert: number }
  | { readonly kind: "closed" | "reset" | "silence" | "garbage" };

/** What lasts less, and less than three round trips, is not called silence. */
const leastPatienceMs = 1000;

/** Looks at what a connection brings, one reaction after the other. */
export interface Watch {
  /** Waits for as long as silence must last to be called so, or for `waitMs`. */
  next(waitMs?: number): Promise<Reaction>;
}

/** Watches a connection from here on. A reaction that comes too late for one call is given to the next. */
export function watchOver(look: Look, reader: MessageReader): Watch {
  const patienceMs = Math.max(leastPatienceMs, 3 * (look.roundTripMs() ?? 0));
  let pending: Promise<Reaction> | undefined;
  return {
    async next(waitMs = patienceMs) {
      pending ??= reader.nextRecord().then(reactionOf, troubleOf);
      const silence: Reaction = { kind: "silence" };
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<Reaction>((resolve) => {
        timer = setTimeout(() => resolve(silence), waitMs);
      });
      const reaction = await Promise.race([pending, late]);
      clearTimeout(timer);
      if (reaction !== silence) pending = undefined;
      return reaction;
    },
  };
}

/** The next reaction that says something: warnings other than no_renegotiation, empty records and what `isBeside` names are passed over. */
export async function nextTelling(
  watch: Watch,
  isBeside: (reaction: Reaction) => boolean = () => false,
): Promise<Reaction> {
  for (let passed = 0; passed < 16; passed++) {
    const reaction = await watch.next();
    const isEmpty = reaction.kind === "record" && reaction.content.length === 0;
    const isWarning = reaction.kind === "alert" && reaction.level === 1 && reaction.alert !== 100;
    if (!isEmpty && !isWarning && !isBeside(reaction)) return reaction;
  }
  return { kind: "garbage" };
}

/** The class that reactions are compared by. Whether a connection ends by FIN or RST depends on chance, so both are one. */
export function classOf(reaction: Reaction): string {
  switch (reaction.kind) {
    case "record":
      return reaction.type === contentTypes.applicationData ? "data" : `a record of type ${reaction.type}`;
    case "alert":
      return `alert ${reaction.alert} (${alertName(reaction.alert)})`;
    case "closed":
    case "reset":
      return "closed";
    default:
      return reaction.kind;
  }
}

function reactionOf({ type, content }: RecordContent): Reaction {
  if (type !== contentTypes.alert) return { kind: "record", type, content };
  try {
    const { level, description } = decodeAlert(content);
    return description === 0 ? { kind: "closed" } : { kind: "alert", level, alert: description };
  } catch (error) {
    if (error instanceof DecodeError) return { kind: "garbage" };
    throw error;
  }
}

function troubleOf(error: unknown): Reaction {
  const answer = answerOf(error);
  switch (answer.kind) {
    case "closed":
    case "reset":
    case "garbage":
      return { kind: answer.kind };
    default:
      // The connection's own time is over.
      return { kind: "silence" };
  }
}
