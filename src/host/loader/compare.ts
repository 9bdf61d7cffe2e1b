import type { ElfKind } from "../../elf/index.ts";
import { ForgeError } from "../../errors.ts";
import type { Host } from "../types.ts";
import { closure } from "./closure.ts";
import { isOwn, prefixOf } from "./entry.ts";
import type { ElfFile, Found, LoaderComparison, LoaderDifference, LoaderEntry, Resolver, View } from "./types.ts";
import { loaderOfHost, type Loader } from "./views.ts";
import { walk } from "./walk.ts";

/** How many differences are kept; the rest is only counted. */
const kept = 20;

/** What stands for a program that asks for a library by its name while it runs. */
const byName = "any program that asks for it by name";

/**
 * Compares what every program and library in the system's folders loads, with the entry against without it, and what loads by name alone.
 * Reads headers and dynamic sections only, runs none of them, and changes nothing. Holds for an entry that is wanted and for one that stands.
 */
export async function compareLoader(host: Host, entry: LoaderEntry): Promise<LoaderComparison> {
  try {
    const loader = await loaderOfHost(host, entry);
    if (loader === null) return { outcome: "untestable", reason: "this system has no list of folders for its loader" };
    return await compare(host, entry, loader);
  } catch (error) {
    if (!(error instanceof ForgeError) || error.code !== "host-failed") throw error;
    return { outcome: "failed", reason: [error.message, ...(error.details ?? [])].join("; ") };
  }
}

async function compare(host: Host, entry: LoaderEntry, loader: Loader): Promise<LoaderComparison> {
  const found = await walk(host.tree, loader.folders, prefixOf(entry.library));
  const files = found.programs.filter(loader.concerns);
  const differences = differencesOf(loader, { files, views: loader.views }).filter((one) => !isIntended(one, entry));
  const shadowed = shadowedBy(loader, entry);
  const base = { outcome: "observed", files: files.length, shadowed } as const;
  if (differences.length > 0) {
    const renewed = differencesOf(loader, { files, views: await loader.renewal() }).filter(
      (one) => one.from === null || !isOwn(one.from, entry),
    );
    const shown = varied(differences).slice(0, kept);
    return { ...base, differences: shown, count: differences.length, stale: renewed.length > 0 };
  }
  const unreadable = [...found.unreadable, ...loader.objects.unreadable];
  if (unreadable.length > 0 && shadowed.length === 0)
    return { outcome: "untestable", reason: unreadableText(unreadable, host.uid) };
  return { ...base, differences: [], count: 0, stale: false };
}

/** Every library that is concerned before any is repeated. */
function varied(differences: readonly LoaderDifference[]): readonly LoaderDifference[] {
  const seen = new Map<string, number>();
  const ranked = differences.map((one) => {
    const rank = seen.get(one.library) ?? 0;
    seen.set(one.library, rank + 1);
    return { one, rank };
  });
  return ranked.toSorted((first, second) => first.rank - second.rank).map(({ one }) => one);
}

function shadowedBy(loader: Loader, entry: LoaderEntry): readonly { readonly library: string; readonly by: string }[] {
  return loader.own.flatMap((library) => {
    const ours = loader.objects.in(entry.library, library)?.file ?? null;
    const after = loader.views[0]?.after;
    if (ours === null || after === undefined) return [];
    const program = plainProgram(ours.elf);
    const found = after.find(library, { file: program, by: null }, program);
    return found === null || found.path.startsWith(`${entry.library}/`) ? [] : [{ library, by: found.path }];
  });
}

/** Each once, whichever view shows it. */
function differencesOf(
  loader: Loader,
  { files, views }: { readonly files: readonly ElfFile[]; readonly views: readonly View[] },
): readonly LoaderDifference[] {
  const all = views.flatMap((view) => [
    ...fileDifferences(loader, view, files),
    ...nameDifferences(loader, view, files),
  ]);
  return [...new Map(all.map((one) => [JSON.stringify(one), one])).values()];
}

function fileDifferences(loader: Loader, view: View, files: readonly ElfFile[]): readonly LoaderDifference[] {
  return files.flatMap((file) => {
    const given = loader.given(file.elf);
    if (asksTheSame(file, view, given)) return [];
    const before = closure(file, view.before, given);
    const after = closure(file, view.after, given);
    // What only one side asks for follows from another library, which is told.
    return [...before].flatMap(([library, from]) => {
      const to = after.get(library);
      return to === undefined ? [] : difference(file.path, library, { from, to });
    });
  });
}

/** Whether every question has the same answer before and after, and so the next questions are the same too: true of almost all files. */
function asksTheSame(file: ElfFile, { before, after }: View, given: Found | null): boolean {
  let same = true;
  const find: Resolver["find"] = (name, asker, program) => {
    const found = before.find(name, asker, program);
    same &&= found?.path === after.find(name, asker, program)?.path;
    return found;
  };
  closure(file, { find }, given);
  return same;
}

/** Names are asked for by every kind of program that there is. */
function nameDifferences(loader: Loader, view: View, files: readonly ElfFile[]): readonly LoaderDifference[] {
  const kinds = new Map(files.map(({ elf }) => [`${elf.bits}:${elf.machine}:${elf.order}`, elf]));
  const names = new Set([...loader.names, ...loader.own].filter((name) => /\.so\.\d/.test(name)));
  return [...kinds.values()].flatMap((kind) => {
    const program = plainProgram(kind);
    const asker = { file: program, by: null };
    return [...names].flatMap((name) =>
      difference(byName, name, {
        from: view.before.find(name, asker, program),
        to: view.after.find(name, asker, program),
      }),
    );
  });
}

function plainProgram({ bits, machine, order }: ElfKind): ElfFile {
  const kind = { bits, machine, order };
  const elf = { ...kind, interpreter: null, noDefaults: false, needed: [], rpath: [], runpath: [], soname: null };
  return { path: "", origin: "/", identity: "", secure: false, elf };
}

function difference(
  file: string,
  library: string,
  { from, to }: { readonly from: Found | null; readonly to: Found | null },
): readonly LoaderDifference[] {
  if (from?.path === to?.path) return [];
  // Two ways to one file, as /lib and /usr/lib often are.
  if (from !== null && to !== null && from.file !== null && from.file.identity === to.file?.identity) return [];
  return [{ file, library, from: from?.path ?? null, to: to?.path ?? null }];
}

/**
 * What the entry is for: a library that has our name in its own, which only what was made for this prefix asks for; a newer folder of the same
 * prefix in the place of an older one; and, where the entry may bring them, other names that nothing could find before.
 */
function isIntended({ file, library, from, to }: LoaderDifference, entry: LoaderEntry): boolean {
  // A library that only the older folder has: what has it in it is told, what might ask for it is not.
  if (to === null) return file === byName && from !== null && isOwn(from, entry);
  if (!to.startsWith(`${entry.library}/`)) return false;
  if (from !== null) return isOwn(from, entry);
  return library.includes(`-${entry.name}.`) || (entry.newNames === true && file === byName);
}

function unreadableText(paths: readonly string[], uid: number): string {
  const shown = paths.slice(0, 3).join(", ");
  const rest = paths.length > 3 ? ` and ${paths.length - 3} more` : "";
  const how = uid === 0 ? "" : "; root can read them: run tlsforge as root";
  return `what ${paths.length === 1 ? "one file" : `${paths.length} files`} would load is not known, for they cannot be read: ${shown}${rest}${how}`;
}

/** A comparison in one line: that nothing changes, what does, or why that is not known. */
export function comparisonText(comparison: LoaderComparison): string {
  if (comparison.outcome !== "observed") return comparison.reason;
  const { files, differences, count, stale, shadowed } = comparison;
  if (count === 0 && shadowed.length > 0) {
    const names = shadowed.map(({ library, by }) => `${library} (${by} is found first)`).join(", ");
    return `it would not reach libraries of ours, because others have their names: ${names}`;
  }
  if (count === 0) return `${files} programs and libraries of the system load what they load now`;
  const shown = differences.slice(0, 5).map(({ file, library, from, to }) => {
    return `${file}: ${library} from ${from ?? "nowhere"} -> ${to ?? "nowhere"}`;
  });
  const rest = count > shown.length ? `; and ${count - shown.length} more` : "";
  const why = stale ? "; some of that comes without the entry too: run ldconfig as root, then look again" : "";
  return `it would change what other programs load: ${shown.join("; ")}${rest}${why}`;
}
