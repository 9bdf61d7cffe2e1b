import { compareVersions } from "./order.ts";
import type { Advisory, Affected, Identity, Installed, Range, Scheme } from "./types.ts";

/** What an advisory says of one installed thing; null when it is not about it. */
export interface Match {
  readonly status: "affected" | "unaffected" | "unknown";
  /** Why nobody can tell, with `unknown`. */
  readonly why: string | null;
  /** The versions that mend it, as the advisory tells them. */
  readonly fixed: readonly string[];
}

/** Applies an advisory. Of several entries about the same thing one that says `affected` decides, then one that nobody can tell. */
export function matchAdvisory(advisory: Advisory, installed: Installed): Match | null {
  const about = advisory.affected.filter((entry) => isAbout(entry, installed.identity));
  if (about.length === 0) return null;
  const matches = about.map((entry) => matchOne(entry, installed));
  const decisive =
    matches.find(({ status }) => status === "affected") ?? matches.find(({ status }) => status === "unknown");
  const fixed = [...new Set(about.flatMap(({ ranges }) => ranges.flatMap(fixesOf)))];
  return { status: decisive?.status ?? "unaffected", why: decisive?.why ?? null, fixed };
}

/** Whether an advisory speaks of a thing at all, whatever its version. */
export function isAboutAny(advisory: Advisory, all: readonly Installed[]): boolean {
  return advisory.affected.some((entry) => all.some(({ identity }) => isAbout(entry, identity)));
}

function isAbout(entry: Affected, identity: Identity): boolean {
  const { package: named, product, repositories } = entry;
  if (named !== null) {
    const [ecosystem = ""] = named.ecosystem.split(":");
    return identity.packages.some(
      (known) =>
        known.ecosystem === ecosystem && projectName(ecosystem, named.name) === projectName(ecosystem, known.name),
    );
  }
  if (product !== null && identity.products.some((known) => sameProduct(known, product))) return true;
  const known = identity.repositories.map(repository);
  return repositories.some((address) => known.includes(repository(address)));
}

/** Names of the Python index are equal whatever their case and separators (PEP 503); other ecosystems take them as they are. */
function projectName(ecosystem: string, name: string): string {
  return ecosystem === "PyPI" ? name.toLowerCase().replaceAll(/[-_.]+/g, "-") : name;
}

function sameProduct(
  a: { readonly vendor: string; readonly product: string },
  b: { readonly vendor: string; readonly product: string },
): boolean {
  return a.vendor.toLowerCase() === b.vendor.toLowerCase() && a.product.toLowerCase() === b.product.toLowerCase();
}

function repository(address: string): string {
  return address
    .toLowerCase()
    .replace(/^(?:git\+)?(?:https?|git|ssh):\/\/(?:[^@/]*@)?/, "")
    .replace(/\/+$/, "")
    .replace(/\.git$/, "");
}

function matchOne(entry: Affected, { version, identity }: Installed): Omit<Match, "fixed"> {
  const listed = listedIn(entry, version, identity);
  if (listed === "yes") return { status: "affected", why: null };
  const held = entry.ranges.map((range) => ({ range, place: placeIn(range, version, identity.scheme) }));
  const inside = held.filter(({ place }) => place === "inside").map(({ range }) => range.status);
  // Stretches that say different things must not overlap; where they do, the worst counts.
  if (inside.includes("affected")) return { status: "affected", why: null };
  const versioned = held.filter(({ range }) => range.scheme !== "commits");
  if (versioned.some(({ place, range }) => place === "unknown" && range.status !== "unaffected"))
    return { status: "unknown", why: `its versions cannot be compared with ${version}` };
  // Commits beside versions say the same once more; alone they say nothing to who has no repository.
  if (held.length > 0 && versioned.length === 0 && listed !== "no")
    return { status: "unknown", why: "it tells commits of the repository, which a version cannot be compared with" };
  if (inside.includes("unknown")) return { status: "unknown", why: "it says itself that nobody knows" };
  if (inside.includes("unaffected")) return { status: "unaffected", why: null };
  if (entry.ranges.length === 0 && entry.versions.length === 0 && entry.otherwise === "unaffected")
    return { status: "unknown", why: "it names no version at all" };
  if (listed === "unread") return { status: "unknown", why: `its list of versions cannot be compared with ${version}` };
  if (entry.otherwise === "unknown") return { status: "unknown", why: "it does not speak of this version" };
  return { status: entry.otherwise, why: null };
}

/**
 * Whether the list of versions has this one. `no` only where the list is known to go so far: it names a later version. A list that ends before
 * may have been made before this version was. `unread`: one of its entries could be this version, and cannot be compared with it.
 */
function listedIn({ versions }: Affected, version: string, identity: Identity): "yes" | "no" | "unknown" | "unread" {
  const own = new Set([version, ...identity.tags.map((tag) => tagOf(tag, version))]);
  let later = false;
  let unread = false;
  for (const entry of versions) {
    const plain = plainVersion(entry, identity.tags);
    const order = compareVersions(identity.scheme, plain, version);
    if (own.has(entry) || order === 0) return "yes";
    later ||= order !== null && order > 0;
    unread ||= order === null && couldBe(plain, version, identity.scheme);
  }
  if (unread) return "unread";
  return later ? "no" : "unknown";
}

/** Whether a text that compares with nothing may mean a version: that compares with nothing itself, or stands in the text. */
function couldBe(text: string, version: string, scheme: Scheme): boolean {
  if (compareVersions(scheme, version, version) === null || text.includes(version)) return true;
  const numbers = text.match(/\d+(?:[._]\d+)*/g) ?? [];
  return numbers.some((found) => compareVersions(scheme, found.replaceAll("_", "."), version) === 0);
}

function tagOf(tag: string, version: string): string {
  return tag.replace("{version}", version).replace("{version_}", version.replaceAll(".", "_"));
}

/** The version that a tag stands for; the text itself when it is none of the repository's tags. */
function plainVersion(text: string, tags: readonly string[]): string {
  for (const tag of tags) {
    const underscores = tag.includes("{version_}");
    const [before = "", after = ""] = tag.split(underscores ? "{version_}" : "{version}");
    if (!text.startsWith(before) || !text.endsWith(after) || text.length <= before.length + after.length) continue;
    const middle = text.slice(before.length, text.length - after.length);
    if (/^\d/.test(middle)) return underscores ? middle.replaceAll("_", ".") : middle;
  }
  return text;
}

/**
 * Where a version stands to a range, by OSV's evaluation: it has to come before a limit, where there is one; then events in order of their
 * versions, each that is not after the version changes the state; `fixed` is outside, `last` is the last one inside.
 */
function placeIn(range: Range, version: string, own: Scheme): "inside" | "outside" | "unknown" {
  if (range.scheme === "commits") return "unknown";
  const scheme = range.scheme === "semver" ? "semver" : own;
  const bounded = beforeLimits(range, version, scheme);
  if (bounded === "no") return "outside";
  const place = placeAmong(range, version, scheme);
  return place === "inside" && bounded === "unknown" ? "unknown" : place;
}

/** Of several limits the farthest counts. */
function beforeLimits({ events }: Range, version: string, scheme: Scheme): "yes" | "no" | "unknown" {
  const limits = events.filter(({ kind }) => kind === "limit");
  if (limits.length === 0) return "yes";
  const orders = limits.map(({ version: limit }) => (limit === "*" ? -1 : compareVersions(scheme, version, limit)));
  if (orders.some((order) => order !== null && order < 0)) return "yes";
  return orders.includes(null) ? "unknown" : "no";
}

function placeAmong(range: Range, version: string, scheme: Scheme): "inside" | "outside" | "unknown" {
  const events = range.events.filter(({ kind }) => kind !== "limit");
  const compared = events.map((event) => ({
    event,
    // How the version stands to the event.
    order: event.version === "0" && event.kind === "introduced" ? 1 : compareVersions(scheme, version, event.version),
  }));
  if (compared.some(({ order }) => order === null)) return "unknown";
  const sorted = compared.toSorted((a, b) => {
    if (a.event.version === "0") return -1;
    if (b.event.version === "0") return 1;
    return compareVersions(scheme, a.event.version, b.event.version) ?? 0;
  });
  let inside = false;
  for (const { event, order } of sorted) {
    if (order === null) return "unknown";
    if (event.kind === "introduced" && order >= 0) inside = true;
    else if (event.kind === "fixed" && order >= 0) inside = false;
    else if (event.kind === "last" && order > 0) inside = false;
  }
  return inside ? "inside" : "outside";
}

function fixesOf({ scheme, status, events }: Range): readonly string[] {
  if (scheme === "commits" || status !== "affected") return [];
  return events.flatMap(({ kind, version }) => (kind === "fixed" ? [version] : []));
}
