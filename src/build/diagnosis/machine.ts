/** What the machine refuses, in whatever tool's words: the C library's texts of errno (`strerror`), glibc, musl and BSD alike. */
import type { Rule } from "./types.ts";

export const machineRules: readonly Rule[] = [
  {
    id: "disk-full",
    pattern: /No space left on device|\bENOSPC\b|os error 28\b/,
    code: "disk-full",
    summary: "the disk is full",
    hint: "free some space (tlsforge gc removes old builds), then run the command again",
  },
  {
    id: "quota",
    pattern: /\bdisk quota exceeded\b/i,
    code: "disk-full",
    summary: "the disk quota of this user is used up",
    hint: "free some space (tlsforge gc removes old builds) or ask for a larger quota, then run the command again",
  },
  {
    id: "read-only",
    pattern: /Read-only file system/,
    summary: "something was to be written to a file system that is mounted read-only",
    hint: "mount it writable, or choose a prefix elsewhere with --prefix",
  },
  {
    id: "open-files",
    pattern: /Too many open files/,
    summary: "a program may not open more files",
    hint: "raise the limit (ulimit -n 1024), or build with fewer jobs: --jobs 1",
  },
  {
    id: "clock",
    pattern: /newly created file is older than distributed files/,
    summary: "a file that was just made is older than the source's files: the clock is wrong, or the file system's is",
    hint: "set the clock (timedatectl, ntpdate), then run the command again",
  },
  {
    id: "clock-skew",
    pattern: /[Cc]lock skew detected/,
    vague: true,
    summary: "files of the build have times in the future, so make cannot tell what is up to date",
    hint: "set the clock of this machine, and of the server that has the files if there is one, then run the command again",
  },
];
