import type { Emit } from "../events.ts";
import type { Platform, Requirement } from "../recipe/types.ts";
import type { HostRecord } from "../store/types.ts";

/** What a command on the host left. Output as UTF-8 text. */
export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `environment` is added to the host's own closed one. */
export interface ExecOptions {
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly timeoutSeconds?: number;
}

/** Ownership and kind of a path; `mode` holds the permission bits. */
export interface PathFacts {
  readonly kind: "file" | "folder" | "link" | "other";
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
}

/** One name in a folder. Links are not followed. */
export interface FolderEntry {
  readonly name: string;
  readonly kind: PathFacts["kind"];
}

/** What a path leads to. Two paths with one identity are the same file. */
export interface TreeFacts {
  readonly kind: "file" | "folder" | "other";
  readonly mode: number;
  readonly identity: string;
}

/** A file that is open for as long as it is looked at. `read` gives fewer bytes where the file ends. */
export interface OpenFile {
  readonly size: number;
  readonly facts: TreeFacts;
  read(offset: number, length: number): Buffer;
}

/**
 * Folders and files for looks at thousands of them, which read a few bytes of each. Synchronous; links are followed.
 * Null: there is nothing. What is there and cannot be read is `unreadable`, never nothing.
 */
export interface FileTree {
  entries(folder: string): readonly FolderEntry[] | null | "unreadable";
  facts(path: string): TreeFacts | null | "unreadable";
  /** The path without links, as far as that can be told. */
  real(path: string): string | null;
  /** Only for what `entries` or `facts` has called a file: to open a device or a pipe does something. */
  open<T>(path: string, look: (file: OpenFile) => T): T | null | "unreadable";
}

/**
 * The one seam through which the machine is read and changed. `node.ts` is the machine, `memory.ts` a machine in memory for tests.
 * Reading never needs privilege. Changing goes through `elevated`, which one file implements.
 */
export interface Host {
  readonly platform: Platform;
  /** The Debian-like family that decides package names: `apt`, `dnf`, … or `unknown`. */
  readonly packageFamily: "apt" | "dnf" | "apk" | "zypper" | "pacman" | "pkg" | "brew" | "unknown";
  readonly uid: number;
  /** How privilege could be had: `root` already is, `sudo` without a password (or with one on a terminal), `none`. */
  readonly privilege: "root" | "sudo" | "none";
  /** With `none`: why, in words that go on after "needs root, ". */
  readonly noPrivilege: string;
  /** Never rejects for what the program did: 127 when it is not there, 124 after the time limit, 128 + signal number when killed. */
  exec(argv: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** The program's absolute path on the user's PATH or the standard one, or null. */
  which(program: string): Promise<string | null>;
  readFile(path: string): Promise<string | null>;
  facts(path: string): Promise<PathFacts | null>;
  list(folder: string): Promise<readonly string[]>;
  readonly tree: FileTree;
  /** Runs with privilege; argv is reported as an event first. Refuses with `host-refused` when there is none. */
  elevated(argv: readonly string[], why: string, options?: ExecOptions): Promise<ExecResult>;
}

/** What every resource says of itself. `demanded`: provisioning must not go on without it. */
interface Asked {
  readonly id: string;
  readonly origin: string;
  readonly demanded: boolean;
}

/** What is wanted of the host, by kind. Each kind has a file in `host/resources/`. */
export type Resource =
  | {
      readonly kind: "package";
      readonly id: string;
      readonly origin: string;
      readonly names: readonly string[];
      readonly why: string;
    }
  | {
      readonly kind: "loader-path";
      readonly id: string;
      readonly origin: string;
      readonly library: string;
      readonly name: string;
      readonly demanded: boolean;
      /** Names that nothing could find before may be ours, whatever they are: asked for in so many words, for an old stack under its stock names. */
      readonly newNames?: boolean;
    }
  | {
      readonly kind: "sysctl";
      readonly id: string;
      readonly origin: string;
      readonly key: string;
      readonly value: string;
      readonly file: string;
      readonly demanded: boolean;
    }
  | {
      readonly kind: "capability";
      readonly id: string;
      readonly origin: string;
      readonly source: string;
      readonly copy: string;
      readonly capability: "cap_net_bind_service";
      readonly demanded: boolean;
      /** Who besides the owner may run it; then root owns it. */ readonly group?: string;
    }
  /** A system group. */
  | (Asked & { readonly kind: "group"; readonly name: string })
  /** A system account that nobody logs in to; `group` is its only one, `home` a folder that is not made. */
  | (Asked & { readonly kind: "user"; readonly name: string; readonly group: string; readonly home: string })
  /** systemd's `NAME.service`. Never started by us here; stopped when it is taken back. */
  | (Asked & { readonly kind: "unit"; readonly name: string; readonly text: string; readonly enabled: boolean })
  /** systemd's `NAME.socket`; stands after its service in a list, so that it is taken back before it. */
  | (Asked & { readonly kind: "socket"; readonly name: string; readonly text: string; readonly enabled: boolean })
  /** A start script and its settings (shell variables, kept in a file of their own). */
  | (Asked & {
      readonly kind: "rc-script";
      readonly system: "openrc" | "rc.d";
      readonly name: string;
      readonly path: string;
      readonly text: string;
      readonly enabled: boolean;
      readonly settings: Readonly<Record<string, string>>;
    })
  /** A configuration file that is wholly ours, in a format where `#` begins a comment. */
  | (Asked & {
      readonly kind: "file";
      readonly path: string;
      readonly text: string;
      readonly mode: number;
      readonly why: string;
    })
  /** FreeBSD: low TCP ports for one user (mac_portacl(4)). */
  | (Asked & { readonly kind: "portacl"; readonly user: string; readonly ports: readonly number[] })
  /** What the machine's firewall would have to let in. Only ever told. */
  | (Asked & { readonly kind: "firewall"; readonly ports: readonly number[] });

/** One process that changes the host. `input` goes to its standard input: file contents never stand in argv. */
export interface HostCommand {
  readonly argv: readonly string[];
  readonly elevated: boolean;
  readonly input?: string;
  /** For a program that does not wait for its lock by itself: how long it is tried again while another process holds it. */
  readonly lockWaitSeconds?: number;
}

/** What would happen to one resource. `unknown` current state refuses: action `blocked` with the reason. */
export interface ResourcePlan {
  readonly resource: Resource;
  readonly id: string;
  readonly current: string | null;
  readonly desired: string | null;
  readonly action: "none" | "create" | "update" | "delete" | "blocked";
  /** Which line of which file, or which default, asked for it. */
  readonly origin: string;
  readonly why: string;
  /** What would be run, in order. */
  readonly commands: readonly HostCommand[];
  /** What it means for others on the machine, when it means something. */
  readonly effect?: string;
  /** Why it is blocked. */
  readonly reason?: string;
  /** What blocks it is that something has not been built yet. */
  readonly unbuilt?: true;
}

/** A requirement after trying it. `provides`: packages of this family that give it. */
export interface RequirementResult {
  readonly requirement: Requirement;
  readonly outcome: "met" | "missing" | "too-old" | "unknown";
  /** For programs: path and the identity line. */
  readonly path?: string;
  readonly identity?: string;
  readonly found?: string;
  readonly provides: readonly string[];
  /** It is part of the system itself, and no package: of what, and how that is had. */
  readonly base?: string;
}

/**
 * What happens to one change, told while it happens. `intended`: commands for it are about to run, so that the machine is as `before`, as
 * `after` or between; `applied`: it is in place as the record says; `undone`: it was taken back for good; `taken-back`: this apply's own
 * change was taken back because another one failed, so that what was recorded before this apply holds again.
 */
export interface JournalEntry {
  readonly state: "intended" | "applied" | "undone" | "taken-back";
  readonly record: HostRecord;
}

/** Where changes go besides the machine. `journal` is awaited before the first command of a change and after the last. */
export interface ChangeOptions {
  readonly emit: Emit;
  readonly journal?: (entry: JournalEntry) => Promise<void>;
}

export type { HostRecord };
