import { DecodeError } from "../wire/index.ts";
import { describeAnswer, type Answer } from "./client/answer.ts";
import type { Outcome } from "./types.ts";

/** An outcome that was not observed; it fits every kind of fact. */
export type Unknown = Exclude<Outcome<never>, { state: "observed" }>;

/** Begins every `why` of a fact that cannot exist on this target, so that a rulebook can tell it from ignorance. */
const notApplicablePrefix = "not applicable: ";

export function observed<T>(value: T): Outcome<T> {
  return { state: "observed", value };
}

export function untestable(why: string): Unknown {
  return { state: "untestable", why };
}

export function failed(why: string): Unknown {
  return { state: "failed", why };
}

/** A fact that has no meaning here, for instance renegotiation where only TLS 1.3 is spoken. */
export function notApplicable(why: string): Unknown {
  return untestable(notApplicablePrefix + why);
}

export function isNotApplicable(outcome: Outcome<unknown>): boolean {
  return outcome.state === "untestable" && outcome.why.startsWith(notApplicablePrefix);
}

/** What an answer that decides nothing leaves behind: our own limits are `untestable`, the rest `failed`. */
export function unknownOf(answer: Answer): Unknown {
  return answer.kind === "skipped" ? untestable(answer.why) : failed(describeAnswer(answer));
}

/** What `read` gives; a server's bytes that cannot be read are an outcome. */
export function readable<T extends object>(what: string, read: () => T): T | Unknown {
  try {
    return read();
  } catch (error) {
    return unreadable(what, error);
  }
}

/** What an error says of `what`, where it is one about bytes; node:crypto's own errors carry a code. Throws it again where it is not. */
export function unreadable(what: string, error: unknown): Unknown {
  if (error instanceof DecodeError || (error instanceof Error && "code" in error))
    return failed(`${what} cannot be read: ${error.message}`);
  throw error;
}

/** The observed value, or undefined. */
export function valueOf<T>(outcome: Outcome<T> | undefined): T | undefined {
  return outcome?.state === "observed" ? outcome.value : undefined;
}
