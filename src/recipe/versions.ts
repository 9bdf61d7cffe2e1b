import semver from "semver";

/** Room for a fourth number or letters after the third number. */
const revisions = 10_000;

const versionPattern =
  /^v?(\d{1,8})(?:\.(\d{1,8}))?(?:\.(\d{1,8}))?(?:\.(\d{1,4}))?(?:([a-z]{1,2})|[-_.]?(a|b|c|rc|alpha|beta|pre|dev)[-_.]?(\d{1,8}))?$/i;

/**
 * A version of any package as one that semver can order, or undefined when it is none. Missing numbers are 0; a fourth number and
 * OpenSSL's letters (1.0.1e, 0.9.8zh) count after the third number; `rc1`, `a2` and the like come before the release.
 */
export function toSemver(version: string): string | undefined {
  const match = versionPattern.exec(version);
  if (match === null) return undefined;
  const [, major = "0", minor = "0", patch = "0", fourth, letters, stage, serial] = match;
  if (fourth !== undefined && letters !== undefined) return undefined;
  const revision = fourth === undefined ? letterValue(letters) : Number(fourth);
  const release = `${Number(major)}.${Number(minor)}.${Number(patch) * revisions + revision}`;
  return stage === undefined ? release : `${release}-${stage.toLowerCase()}.${Number(serial)}`;
}

/** Letters as OpenSSL counted them: a is 1, z is 26, za 27, zh 34; none is 0. */
function letterValue(letters: string | undefined): number {
  return Array.from((letters ?? "").toLowerCase()).reduce((sum, letter) => sum + letter.charCodeAt(0) - 96, 0);
}

const exactVersion = /(?<![\w.])\d+\.\d+\.\d+[\w.-]*/g;

/** A semver range over versions as `toSemver` orders them, or undefined when it is none. `3.5.x`, `~3.5`, `>=1.0.1e <1.0.2` are ranges. */
export function toRange(range: string): string | undefined {
  let readable = true;
  const translated = range.replaceAll(exactVersion, (version) => {
    const exact = toSemver(version);
    if (exact === undefined) readable = false;
    return exact ?? version;
  });
  return readable && range.trim() !== "" && semver.validRange(translated) !== null ? translated : undefined;
}

/** Whether a version lies in a range. A range or version that is none matches nothing; the schema has refused those before. */
export function inRange(version: string, range: string): boolean {
  const exact = toSemver(version);
  const translated = toRange(range);
  return exact !== undefined && translated !== undefined && semver.satisfies(exact, translated);
}

/** Order of two versions, the newer first. */
export function newestFirst(a: string, b: string): number {
  return semver.rcompare(toSemver(a) ?? "0.0.0", toSemver(b) ?? "0.0.0");
}
