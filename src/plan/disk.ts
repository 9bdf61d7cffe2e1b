import type { Derivation } from "./types.ts";

/** Bytes that builds need on disk. */
export interface DiskNeed {
  /** In the folders that they work in, at the moment that needs most: each is removed at its build's end. */
  readonly scratch: number;
  /** Of all outputs together. */
  readonly outputs: number;
}

/** Above it the number of combinations is large, and what all need together is taken instead. */
const most = 14;

/**
 * What builds need, from what their recipes say (a recipe that says nothing needs nothing that is known). Builds run at once as far as none
 * is an input of another, also by way of others, so the moment that needs most is the heaviest set of such.
 */
export function diskNeed(derivations: readonly Derivation[]): DiskNeed {
  const outputs = sum(derivations.map(({ recipe }) => recipe.disk?.output ?? 0));
  const weights = derivations.map(({ recipe }) => recipe.disk?.scratch ?? 0);
  if (derivations.length > most) return { scratch: sum(weights), outputs };
  const above = ancestors(derivations);
  const heaviest = (from: number, taken: readonly number[]): number => {
    if (from === derivations.length) return sum(taken.map((index) => weights[index] ?? 0));
    const without = heaviest(from + 1, taken);
    const fits = taken.every((index) => above[from]?.has(index) !== true && above[index]?.has(from) !== true);
    return fits ? Math.max(without, heaviest(from + 1, [...taken, from])) : without;
  };
  return { scratch: heaviest(0, []), outputs };
}

/** For each build the places of all that must be there before it. */
function ancestors(derivations: readonly Derivation[]): readonly ReadonlySet<number>[] {
  const places = new Map(derivations.map(({ key }, index) => [key, index]));
  const found: Set<number>[] = [];
  for (const { inputs } of derivations) {
    const direct = inputs.flatMap(({ key }) => places.get(key) ?? []);
    found.push(new Set(direct.flatMap((index) => [index, ...(found[index] ?? [])])));
  }
  return found;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
