export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Median, least and greatest of at least one number. */
export function summarise(values: readonly number[]): Summary {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.slice(Math.ceil(sorted.length / 2) - 1, Math.floor(sorted.length / 2) + 1);
  const [min, max] = [sorted[0], sorted.at(-1)];
  if (min === undefined || max === undefined) throw new Error("nothing to summarise");
  return {
    median: round(middle.reduce((sum, value) => sum + value, 0) / middle.length),
    min: round(min),
    max: round(max),
  };
}

/** Three decimals: more than any of these measurements carries. */
export function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
