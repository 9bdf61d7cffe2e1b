/** Versions of Python packages (PEP 440; the version specifiers specification of the Python packaging user guide). */

interface Parsed {
  readonly epoch: number;
  readonly release: readonly number[];
  readonly pre: readonly [number, number] | null;
  readonly post: number | null;
  readonly dev: number | null;
  readonly local: readonly (number | string)[] | null;
}

// PEP 440, appendix B, with the spellings that are normalised.
const pattern =
  /^\s*v?(?:(\d+)!)?(\d+(?:\.\d+)*)(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d+)?)?(?:-(\d+)|[-_.]?(post|rev|r)[-_.]?(\d+)?)?(?:[-_.]?(dev)[-_.]?(\d+)?)?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?\s*$/i;

const stages: Readonly<Record<string, number>> = { alpha: 0, a: 0, beta: 1, b: 1, preview: 2, pre: 2, c: 2, rc: 2 };

/** The order of two versions: below 0 when `a` is older, 0 when they are the same, null when one of them is no version by PEP 440. */
export function comparePep440(a: string, b: string): number | null {
  const [left, right] = [parse(a), parse(b)];
  if (left === null || right === null) return null;
  const keys = [keyOf(left), keyOf(right)] as const;
  return compareLists(keys[0], keys[1]) || compareLocal(left.local, right.local);
}

function parse(version: string): Parsed | null {
  const match = version.length > 200 ? null : pattern.exec(version);
  if (match === null) return null;
  const [, epoch, release = "", stage, serial, bare, post, postSerial, dev, devSerial, local] = match;
  return {
    epoch: Number(epoch ?? 0),
    release: release.split(".").map(Number),
    pre: stage === undefined ? null : [stages[stage.toLowerCase()] ?? 0, Number(serial ?? 0)],
    post: bare !== undefined ? Number(bare) : post === undefined ? null : Number(postSerial ?? 0),
    dev: dev === undefined ? null : Number(devSerial ?? 0),
    local:
      local === undefined
        ? null
        : local
            .toLowerCase()
            .split(/[-_.]/)
            .map((part) => (/^\d+$/.test(part) ? Number(part) : part)),
  };
}

/** The public part as numbers that are compared from left to right: epoch, release without trailing zeros, then what comes before or after it. */
function keyOf({ epoch, release, pre, post, dev }: Parsed): readonly number[] {
  const last = release.findLastIndex((part) => part !== 0);
  const numbers = release.slice(0, last + 1);
  // A development release of nothing else comes before every pre-release; a final release after all of them.
  const before = pre ?? (post === null && dev !== null ? [-1, 0] : [3, 0]);
  // -1 ends the release, so that 1.1 stands after 1 whatever follows.
  return [epoch, ...numbers, -1, ...before, post ?? -1, dev ?? Number.POSITIVE_INFINITY];
}

function compareLists(a: readonly number[], b: readonly number[]): number {
  for (const [index, left] of a.entries()) {
    const right = b[index] ?? -1;
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}

/** None comes first; numbers come after words; the shorter of two that begin alike comes first. */
function compareLocal(a: Parsed["local"], b: Parsed["local"]): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  for (const [index, left] of a.entries()) {
    const right = b[index];
    if (right === undefined) return 1;
    if (left === right) continue;
    if (typeof left !== typeof right) return typeof left === "number" ? 1 : -1;
    return left < right ? -1 : 1;
  }
  return a.length === b.length ? 0 : -1;
}
