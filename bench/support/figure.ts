/** A figure that was to be reached, and whether it was. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly atMost: number;
  readonly unit: string;
  /** Null when the value is above the limit, and others used the machine: that says nothing. */
  readonly reached: boolean | null;
}

/** Holds a value against its limit. `noisy`: whether others may have raised it above (null: cannot be told). */
export function figure(what: string, measured: Omit<Figure, "what" | "reached">, noisy: boolean | null): Figure {
  const reached = measured.value <= measured.atMost ? true : noisy === false ? false : null;
  return { what, ...measured, reached };
}

/** One line for each figure. */
export function figuresText(figures: readonly Figure[]): string {
  const words = { true: "reached", false: "NOT reached", null: "cannot be told on a busy machine" };
  return figures
    .map(({ what, value, atMost, unit, reached }) => {
      const space = unit === "" ? "" : ` ${unit}`;
      return `Figure     ${what}: ${value}${space}, wanted at most ${atMost}${space}: ${words[`${reached}`]}\n`;
    })
    .join("");
}
