import { ForgeError } from "../errors.ts";
import { runBuiltin } from "./memory-commands.ts";
import { memoryTree } from "./memory-tree.ts";
import type { ExecOptions, ExecResult, Host, PathFacts } from "./types.ts";

/** A path in memory. `content` null: a folder. */
export interface MemoryFile {
  readonly content: string | null;
  readonly kind?: PathFacts["kind"];
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** The content of a program or library, in place of a text. */
  readonly bytes?: Buffer;
  /** Two paths with the same one are one file. */
  readonly inode?: string;
  /** File capabilities as `getcap` prints them. */
  readonly capabilities?: string;
}

/** What a program answers: fixed, or worked out from argv and standard input. */
export type MemoryAnswer =
  | Partial<ExecResult>
  | ((argv: readonly string[], options: ExecOptions) => Partial<ExecResult>);

/** A machine at the start of a test. Everything left out is an ordinary Debian as root without any program. */
export interface MemoryInitial {
  readonly platform?: Host["platform"];
  readonly packageFamily?: Host["packageFamily"];
  readonly uid?: number;
  readonly privilege?: Host["privilege"];
  /** By path; a text is a file of mode 0644 that root owns. */
  readonly files?: Readonly<Record<string, string | MemoryFile>>;
  /** Where programs are: name to absolute path. */
  readonly programs?: Readonly<Record<string, string>>;
  /** Recorded answers by the beginning of argv (`"gcc --version"`, `"perl"`); the longest that fits is taken. */
  readonly answers?: Readonly<Record<string, MemoryAnswer>>;
}

/** A Host in memory, with what a test looks at. */
export interface MemoryHost extends Host {
  readonly files: Map<string, MemoryFile>;
  /** Every command that was run, in order. */
  readonly commands: { readonly argv: readonly string[]; readonly elevated: boolean; readonly input?: string }[];
  /** Answers, also to be changed during a test. */
  readonly answers: Map<string, MemoryAnswer>;
}

/** A machine in memory: files, programs with recorded answers, and the few commands that tlsforge changes a host with (`memory-commands.ts`). */
export function memoryHost(initial: MemoryInitial = {}): MemoryHost {
  const files = new Map(
    Object.entries(initial.files ?? {}).map(([path, file]) => [
      path,
      typeof file === "string" ? { content: file } : file,
    ]),
  );
  const answers = new Map(Object.entries(initial.answers ?? {}));
  const programs = initial.programs ?? {};
  const commands: MemoryHost["commands"] = [];
  const privilege = initial.privilege ?? "root";

  const run = (argv: readonly string[], elevated: boolean, options: ExecOptions = {}): Promise<ExecResult> => {
    commands.push({ argv, elevated, ...(options.input === undefined ? {} : { input: options.input }) });
    const line = argv.join(" ");
    const recorded = [...answers.keys()]
      .filter((key) => line === key || line.startsWith(`${key} `))
      .toSorted((a, b) => b.length - a.length)[0];
    const answer = recorded === undefined ? undefined : answers.get(recorded);
    const given = typeof answer === "function" ? answer(argv, options) : answer;
    return Promise.resolve({ exitCode: 0, stdout: "", stderr: "", ...(given ?? runBuiltin(files, argv, options)) });
  };

  return {
    platform: initial.platform ?? { os: "linux", arch: "x86_64", libc: "gnu" },
    packageFamily: initial.packageFamily ?? "apt",
    uid: initial.uid ?? (privilege === "root" ? 0 : 1000),
    privilege,
    noPrivilege: privilege === "none" ? "or sudo that asks for no password" : "",
    files,
    commands,
    answers,
    exec: (argv, options) => run(argv, false, options),
    which: (program) =>
      Promise.resolve(
        program.startsWith("/")
          ? files.has(program) || Object.values(programs).includes(program)
            ? program
            : null
          : (programs[program] ?? null),
      ),
    readFile: (path) => Promise.resolve(files.get(path)?.content ?? null),
    facts: (path) => Promise.resolve(factsOf(files, path)),
    list: (folder) => Promise.resolve(childrenOf(files, folder)),
    tree: memoryTree(files, initial.uid ?? (privilege === "root" ? 0 : 1000)),
    elevated: async (argv, why, options) => {
      if (privilege === "none")
        throw new ForgeError("host-refused", `no privilege to run "${argv.join(" ")}" (${why})`);
      return run(argv, true, options);
    },
  };
}

function factsOf(files: ReadonlyMap<string, MemoryFile>, path: string): PathFacts | null {
  const file = files.get(path) ?? (childrenOf(files, path).length > 0 ? { content: null } : undefined);
  if (file === undefined) return null;
  const folder = file.content === null;
  return {
    kind: file.kind ?? (folder ? "folder" : "file"),
    mode: file.mode ?? (folder ? 0o755 : 0o644),
    uid: file.uid ?? 0,
    gid: file.gid ?? 0,
    size: Buffer.byteLength(file.content ?? ""),
  };
}

function childrenOf(files: ReadonlyMap<string, MemoryFile>, folder: string): readonly string[] {
  const below = [...files.keys()].filter((path) => path.startsWith(`${folder}/`));
  return [...new Set(below.map((path) => path.slice(folder.length + 1).split("/")[0] ?? ""))].toSorted();
}
