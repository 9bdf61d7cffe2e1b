import { isDeepStrictEqual } from "node:util";
import type { Outcome } from "../../probe/index.ts";
import { inapplicable } from "../verdict.ts";

/** A fact for comparing: without what varies from look to look, and without the reason why it is not known. */
export type Fact = { readonly known: true; readonly value: unknown } | { readonly known: false };

const none: Fact = { known: true, value: "no such thing" };
const unseen: Fact = { known: false };

/** The part of an outcome that says something of the target; what cannot exist there is known. */
export function fact<T>(outcome: Outcome<T> | undefined, pick: (value: T) => unknown = (value) => value): Fact {
  if (outcome?.state === "observed") return { known: true, value: pick(outcome.value) };
  return inapplicable(outcome) === null ? unseen : none;
}

/** A fact that is absent for lack of what it is about. */
export const absent: Fact = none;

export function differ(a: readonly Fact[], b: readonly Fact[]): boolean {
  return !isDeepStrictEqual(a, b);
}
