import type { Emit } from "../events.ts";
import type { Platform } from "../recipe/index.ts";

/** What every command gets: the machine's facts as `main.ts` read them, and the global options. Paths absolute. */
export interface Context {
  readonly version: string;
  /** The folder that the program runs from. */
  readonly code: string;
  /** What starts the program that runs commands with privilege: a Node and a file. */
  readonly helper: readonly string[];
  /** What a shell calls this program by: its path, or its name when it is installed. */
  readonly executable: string;
  /** The same with the options that name the folders of this run, where those are not the usual ones: what advice begins with. */
  readonly program: string;
  /** Folder of recipes and stacks. */
  readonly recipes: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly platform: Platform;
  /** Node's own words for system and processor: `linux x64`. */
  readonly machine: string;
  readonly cwd: string;
  readonly home: string;
  readonly uid: number;
  /** Whether a person can be asked: a terminal on both sides, and not in CI. */
  readonly interactive: boolean;
  /** Columns that text on standard output may take. */
  readonly columns: number;
  /** Whether standard output is a terminal, which obeys what foreign text may hold. */
  readonly onTerminal: boolean;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Asks a yes-or-no question on the terminal; only called when `interactive`. */
  readonly confirm: (question: string) => Promise<boolean>;
  /** Standard output, for results that are written as they come. */
  readonly write: (text: string) => Promise<void>;
  /** Standard input. */
  readonly input: () => AsyncIterable<Uint8Array | string>;
  /** What a hang-up does instead of interrupting. */
  readonly onHangUp: (act: () => void) => void;
  readonly options: GlobalOptions;
}

/** The global options of the command line. */
export interface GlobalOptions {
  readonly prefix: string;
  /** The site file, or null when none was given and there is none in the current folder. */
  readonly config: string | null;
  readonly json: boolean;
  readonly yes: boolean;
  readonly jobs: number;
  readonly wait: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly colour: boolean;
  /** A vulnerable stack may listen where others reach it. */
  readonly exposed: boolean;
}
