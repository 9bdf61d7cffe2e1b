/** The rules of the house as functions over source texts: what ARCHITECTURE.md draws, a test enforces. */
import { posix } from "node:path";

/** Source files by path from the root, `src/fetch/index.ts`, with their text. */
export type Sources = ReadonlyMap<string, string>;

interface Import {
  /** As written. */
  readonly specifier: string;
  /** The file it names, for relative imports. */
  readonly target: string | null;
  /** Erased before anything runs. An inline `type` in a list is not enough: the import itself stays. */
  readonly typeOnly: boolean;
  /** `import()`: loaded when it is needed. */
  readonly dynamic: boolean;
  readonly names: string;
}

/** Which folders the code of a folder may load. `cli` sees everything below it; `address`, `errors`, `events` and `words` are for all. */
const mayLoad: Readonly<Record<string, readonly string[]>> = {
  main: ["cli", "ui"],
  cli: [
    "ui",
    "audit",
    "recipe",
    "plan",
    "fetch",
    "build",
    "store",
    "host",
    "server",
    "probe",
    "grade",
    "report",
    "deliver",
  ],
  ui: [],
  recipe: [],
  plan: ["recipe"],
  fetch: ["recipe", "plan"],
  elf: [],
  host: ["elf"],
  store: ["recipe", "plan"],
  build: ["recipe", "plan", "fetch", "store", "host", "elf"],
  server: ["recipe", "store", "host", "wire"],
  wire: [],
  audit: [],
  probe: ["wire"],
  grade: [],
  report: ["grade"],
  deliver: ["recipe", "plan", "fetch", "store", "host"],
};

/** What a folder may know beyond that, by `import type` only. */
const mayKnow: Readonly<Record<string, readonly string[]>> = {
  main: ["recipe"],
  ui: ["cli", "plan", "host", "server", "grade", "report", "store"],
  host: ["recipe", "plan", "store"],
  store: ["host", "grade", "report"],
  server: ["grade", "plan"],
  grade: ["probe", "wire"],
  report: ["probe"],
};

const pureFolders = ["audit", "recipe", "plan", "elf", "wire", "grade", "report"];

/** Modules that reach the machine, the network or the clock. */
const effects =
  /^(node:)?(fs|fs\/promises|child_process|cluster|net|tls|dgram|dns|dns\/promises|http|https|http2|os|process|worker_threads|timers|timers\/promises|perf_hooks|readline|inspector)$|^(got|execa|listr2)$/;

/** Globals that do the same, and randomness. */
const ambient =
  /\b(Date\.now\(|new Date\(\)|Math\.random\(|performance\.now\(|randomBytes\(|randomInt\(|randomUUID\(|getRandomValues\(|generateKeyPair(?:Sync)?\(|fetch\(|setTimeout\(|setInterval\()/;

/** Heavy packages (40 ms each): what `main.ts` loads before it knows the command must not need them. */
const heavy = /^(zod|got|execa|listr2|tar|yauzl|openpgp|@sigstore\/.*|pkijs|asn1js)(\/|$)/;

/** Files that others may import: the whole of a folder, its types, and what the quick path needs of it. */
const entries = ["index.ts", "types.ts", "light.ts"];

/** Every rule, by name; each gives its violations as `file: what is wrong`. */
export const rules: Readonly<Record<string, (sources: Sources) => readonly string[]>> = {
  "a folder loads only what it may": (sources) =>
    crossings(sources).flatMap(({ file, from, to, item }) => {
      if (["address", "errors", "events", "words"].includes(to)) return [];
      if ((mayLoad[from] ?? []).includes(to)) return [];
      if (item.typeOnly && (mayKnow[from] ?? []).includes(to)) return [];
      return [`${file}: ${from} may not ${item.typeOnly ? "know" : "load"} ${to} (${item.specifier})`];
    }),

  "outside a folder only its entries are imported, types.ts only as types": (sources) =>
    crossings(sources).flatMap(({ file, to, item, inFolder }) => {
      // main.ts is the front of cli/: it chooses between its quick path and the rest, which it loads later.
      if (inFolder === null || (file === "src/main.ts" && to === "cli")) return [];
      const known = entries.includes(inFolder) && (inFolder !== "types.ts" || item.typeOnly);
      return known ? [] : [`${file}: ${item.specifier} is not an entry of its folder`];
    }),

  "events.ts and types.ts hold types only": (sources) =>
    [...sources].flatMap(([file, text]) => {
      if (file !== "src/events.ts" && !/^src\/[a-z]+\/types\.ts$/.test(file)) return [];
      return /^export (?!type\b|interface\b)/m.test(text) ? [`${file}: exports something that is not a type`] : [];
    }),

  "pure folders reach neither machine, network, clock nor chance": (sources) =>
    [...sources].flatMap(([file, text]) => {
      if (!pureFolders.includes(folderOf(file))) return [];
      const modules = importsOf(file, text).filter((item) => effects.test(item.specifier));
      const globals = ambient.exec(code(text));
      return [
        ...modules.map((item) => `${file}: imports ${item.specifier}`),
        ...(globals === null ? [] : [`${file}: uses ${globals[1] ?? ""}`]),
      ];
    }),

  "listr2 is only loaded by ui": (sources) =>
    [...sources].flatMap(([file, text]) =>
      folderOf(file) !== "ui" && importsOf(file, text).some((item) => item.specifier === "listr2")
        ? [`${file}: imports listr2`]
        : [],
    ),

  // Ending another process is an effect like any other; everything else of `process` is about our own.
  "only main.ts touches process": (sources) =>
    [...sources].flatMap(([file, text]) => {
      if (file === "src/main.ts") return [];
      const imported = importsOf(file, text).some(
        (item) => /^(node:)?process$/.test(item.specifier) && item.names !== "{ kill }",
      );
      const used = /\bprocess\??\.\w|globalThis\.process/.test(code(text));
      return imported || used ? [`${file}: touches process`] : [];
    }),

  "main.ts loads nothing heavy before it is needed": (sources) =>
    loadedBy("src/main.ts", sources).flatMap(({ file, specifier }) =>
      heavy.test(specifier) ? [`${file}: loads ${specifier} on the way from main.ts`] : [],
    ),

  "no file is over 350 lines": (sources) =>
    [...sources].flatMap(([file, text]) => {
      const lines = text.split("\n").length - 1;
      return lines > 350 ? [`${file}: ${lines} lines`] : [];
    }),

  "nothing loads itself in a circle": (sources) => circles(sources).map((path) => path.join(" -> ")),

  "a rule of the linter is only switched off with a reason": (sources) =>
    [...sources].flatMap(([file, text]) =>
      [...text.matchAll(/(?:oxlint|eslint)-disable[^\n]*|@ts-(?:ignore|nocheck|expect-error)[^\n]*/g)]
        .filter(([comment]) => !/ -- \S/.test(comment))
        .map(([comment]) => `${file}: ${comment.trim()}`),
    ),
};

/** All imports of a file. Works on text: TypeScript 7 has no programmatic interface. */
export function importsOf(file: string, text: string): readonly Import[] {
  const statements = /^(?:import|export)\s+(?:(type)\s+(?!from\b))?(?:([^;"']*?)\s+from\s+)?["']([^"']+)["']/gm;
  const found = [...code(text).matchAll(statements)].map(([, type, names = "", specifier = ""]) =>
    toImport(file, { specifier, names, typeOnly: type !== undefined, dynamic: false }),
  );
  const later = [...code(text).matchAll(/\bimport\(\s*["'`]([^"'`]+)["'`]/g)].map(([, specifier = ""]) =>
    toImport(file, { specifier, names: "", typeOnly: false, dynamic: true }),
  );
  return [...found, ...later];
}

function toImport(file: string, item: Omit<Import, "target">): Import {
  const relative = item.specifier.startsWith(".");
  return { ...item, target: relative ? posix.join(posix.dirname(file), item.specifier) : null };
}

/** The text without comments, as far as a pattern can tell: an address in a string keeps its slashes. */
function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[\s;,{}()])\/\/.*$/gm, "$1");
}

/** `fetch` for a file in src/fetch/, `main` for src/main.ts. */
function folderOf(file: string): string {
  return (file.split("/")[1] ?? "").replace(/\.ts$/, "");
}

interface Crossing {
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly item: Import;
  /** The path inside the other folder; null for a file directly in src/. */
  readonly inFolder: string | null;
}

/** Imports that leave a folder. */
function crossings(sources: Sources): readonly Crossing[] {
  return [...sources].flatMap(([file, text]) =>
    importsOf(file, text).flatMap((item): Crossing[] => {
      if (item.target === null) return [];
      const [from, to] = [folderOf(file), folderOf(item.target)];
      const parts = item.target.split("/");
      return from === to
        ? []
        : [{ file, from, to, item, inFolder: parts.length > 2 ? parts.slice(2).join("/") : null }];
    }),
  );
}

/** Every package or file that loading one file loads, with the file that asks for it. */
function loadedBy(start: string, sources: Sources): readonly { readonly file: string; readonly specifier: string }[] {
  const seen = new Set<string>();
  const visit = (file: string): readonly { file: string; specifier: string }[] => {
    if (seen.has(file)) return [];
    seen.add(file);
    return loads(file, sources).flatMap((item) => [
      { file, specifier: item.specifier },
      ...(item.target === null ? [] : visit(item.target)),
    ]);
  };
  return visit(start);
}

function loads(file: string, sources: Sources): readonly Import[] {
  return importsOf(file, sources.get(file) ?? "").filter((item) => !item.typeOnly && !item.dynamic);
}

/** Circles of loaded files; each once, beginning with the file met first. */
function circles(sources: Sources): readonly (readonly string[])[] {
  const done = new Set<string>();
  const found: string[][] = [];
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start !== -1) found.push([...path.slice(start), file]);
    if (start !== -1 || done.has(file)) return;
    for (const item of loads(file, sources)) if (item.target !== null) visit(item.target, [...path, file]);
    done.add(file);
  };
  for (const file of sources.keys()) visit(file, []);
  return found;
}
