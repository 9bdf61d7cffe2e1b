import {
  chmodSync,
  closeSync,
  fchmodSync,
  futimesSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { broken, pathParts, staysInside, unpackLimits, unsafe } from "./unpack-members.ts";
import type { UnpackLimits } from "./unpack-members.ts";

/** A member as the archive's reader found it. `mtime` in seconds since 1970. */
export interface Member {
  readonly path: string;
  readonly mode: number;
  readonly mtime: number;
}

/** Receives a file's bytes. */
export interface FileSink {
  write(chunk: Uint8Array): void;
  end(): void;
  /** Closes a file whose bytes did not all come. */
  abandon(): void;
}

/** Writes an archive's members below one folder, and refuses whatever could reach outside it. Synchronous: a member is complete when the call returns. */
export interface TreeWriter {
  folder(member: Member): void;
  file(member: Member): FileSink;
  symbolicLink(member: Member, target: string): void;
  hardLink(member: Member, target: string): void;
  /** Counts bytes that were unpacked, members or not: what follows the last member costs time as well. */
  passed(bytes: number): void;
  /** Last checks and the folders' times. */
  finish(): void;
}

/** What a writer needs to know. */
export interface WriterOptions {
  /** The archive's name, for messages. */
  readonly archive: string;
  /** An existing, empty folder that nobody else writes to. */
  readonly root: string;
  /** Leading folders to take off. With 1, all members must lie in one top folder. */
  readonly strip: number;
  /** Size of the archive itself. */
  readonly packedBytes: number;
  /** Whether names that differ in case alone are one file here. */
  readonly foldsCase: boolean;
  readonly limits?: Partial<UnpackLimits>;
}

type Kind = "folder" | "file" | "link";

export function treeWriter(options: WriterOptions): TreeWriter {
  const { archive, root, strip } = options;
  const limits = { ...unpackLimits, ...options.limits };
  const kinds = new Map<string, Kind>();
  const links = new Map<string, string>();
  const folders = new Map<string, Member>();
  let top: string | undefined;
  let entries = 0;
  let bytes = 0;
  let unpacked = 0;

  return {
    folder(member) {
      const path = place(member.path);
      if (path === "") return;
      makeFolders(path, member.path);
      folders.set(path, member);
    },
    file(member) {
      const path = claim(member.path, "file");
      const target = join(root, path);
      const handle = openSync(target, "wx", 0o600);
      return {
        write(chunk) {
          bytes += chunk.length;
          checkSize(bytes);
          for (let done = 0; done < chunk.length;) done += writeSync(handle, chunk, done);
        },
        end() {
          // One of two modes, whatever the archive and the umask say: no set-user-id, nothing writable by others.
          fchmodSync(handle, (member.mode & 0o111) === 0 ? 0o644 : 0o755);
          const time = timeOf(member);
          futimesSync(handle, time, time);
          closeSync(handle);
        },
        abandon() {
          closeSync(handle);
        },
      };
    },
    symbolicLink(member, target) {
      if (target === "" || /\p{Cc}|\uFFFD/u.test(target) || Buffer.byteLength(target) > 4000)
        throw unsafe(archive, member.path, "is a link to something that cannot be a name");
      const path = claim(member.path, "link");
      links.set(path, target);
      if (!staysInside(path, links))
        throw unsafe(archive, member.path, `is a link that points out of the folder, or in a circle (${target})`);
      symlinkSync(target, join(root, path));
      lutimesSync(join(root, path), timeOf(member), timeOf(member));
    },
    hardLink(member, target) {
      const from = relative(target);
      if (kinds.get(folded(from)) !== "file")
        throw unsafe(
          archive,
          member.path,
          `is a hard link to something that is not an earlier file of the archive (${target})`,
        );
      const path = claim(member.path, "file");
      linkSync(join(root, from), join(root, path));
    },
    passed(count) {
      unpacked += count;
      checkSize(unpacked);
    },
    finish() {
      // A later member may have changed where an earlier link leads.
      for (const path of links.keys()) {
        if (!staysInside(path, links))
          throw unsafe(archive, path, `is a link that points out of the folder, or in a circle (${links.get(path)})`);
      }
      const deepestFirst = [...folders].sort(([a], [b]) => b.length - a.length);
      for (const [path, member] of deepestFirst) {
        chmodSync(join(root, path), 0o755);
        utimesSync(join(root, path), timeOf(member), timeOf(member));
      }
      if (kinds.size === 0) throw broken(archive, "it is empty");
    },
  };

  /** Path below the root of any member; counts it. */
  function place(name: string): string {
    count(name);
    return relative(name);
  }

  /** Counts what is made, folders on the way included: a short archive may name very many of them. */
  function count(name: string): void {
    if (++entries > limits.entries)
      throw unsafe(archive, name, `is one too many: more than ${limits.entries} members are refused`);
  }

  function relative(name: string): string {
    const parts = pathParts(archive, name);
    if (strip > 0 && parts.length > 0) {
      top ??= parts[0];
      if (parts[0] !== top) throw broken(archive, `it has more than one top folder (${top}, ${parts[0]})`);
    }
    return parts.slice(strip).join("/");
  }

  /** Takes a path for a file or link that must not be there yet, below folders that are really folders. */
  function claim(name: string, kind: "file" | "link"): string {
    const path = place(name);
    if (path === "") throw broken(archive, `the member ${name} does not lie in the top folder`);
    const parent = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    if (parent !== "") makeFolders(parent, name);
    if (kinds.has(folded(path))) throw unsafe(archive, name, "is there twice");
    kinds.set(folded(path), kind);
    return path;
  }

  function makeFolders(path: string, name: string): void {
    if (kinds.get(folded(path)) === "folder") return;
    let at = "";
    for (const part of path.split("/")) {
      at = at === "" ? part : `${at}/${part}`;
      const kind = kinds.get(folded(at));
      if (kind === "folder") continue;
      if (kind === "link") throw unsafe(archive, name, `would be written through a link (${at})`);
      if (kind === "file") throw unsafe(archive, name, `lies below a file (${at})`);
      if (at !== path) count(name);
      mkdirSync(join(root, at), 0o755);
      kinds.set(folded(at), "folder");
    }
  }

  function folded(path: string): string {
    return options.foldsCase ? path.normalize("NFC").toLowerCase() : path;
  }

  function checkSize(size: number): void {
    if (size > limits.bytes)
      throw unsafe(archive, "", `brings the whole to more than ${limits.bytes} bytes, which is refused`);
    if (size > limits.ratioFrom && size > options.packedBytes * limits.ratio) {
      throw unsafe(
        archive,
        "",
        `brings the whole to more than ${limits.ratio} times the archive's size, which is refused`,
      );
    }
  }
}

/** A time that every file system has: from 1970 to 2106. What an archive says may be anything. */
function timeOf({ mtime }: Member): number {
  return Number.isFinite(mtime) ? Math.min(Math.max(mtime, 0), 0xffff_ffff) : 0;
}
