/** Loads nothing heavy: the quick answer that there is nothing to do reads a manifest through here. */
export type * from "./types.ts";
export { openPrefix } from "./prefix.ts";
export { buildLock, prefixPaths, logPath, type PrefixPaths } from "./paths.ts";
export { isHeld, lock, type LockOptions, type Release } from "./lock.ts";
export { holdPrefix, holdersOf, lockAlone, lockPrefix, type Hold } from "./hold.ts";
export { inSafeHands } from "./hands.ts";
export { realise, type Build, type BuildResult, type Realised, type RealiseOptions } from "./realise.ts";
export { compareContents, ownNames, type ContentsVerdict } from "./contents.ts";
export { listReceipts, readReceipt } from "./receipts.ts";
export {
  activate,
  currentGeneration,
  listGenerations,
  rollbackTarget,
  rollbackTo,
  stage,
  switchTo,
  type GenerationEntry,
  type GenerationParts,
  type Staged,
} from "./generations.ts";
export { checkLogPath, readCheck, writeCheck, type CheckRecord } from "./checks.ts";
export { noteInLedger, readLedger, removeFromLedger } from "./ledger.ts";
export { readManifest, updateManifest, type ManifestAddition } from "./manifest.ts";
export type { ViewConflict } from "./view.ts";
export { atomicLink, atomicWrite, removeTree } from "./disk.ts";
export { removePrefix } from "./remove.ts";
export type { Removed } from "./remove.ts";
export { boundSources, collectGarbage, outputsInUse, type GarbageOptions, type GarbageReport } from "./gc.ts";
export type { GarbageItem } from "./garbage.ts";
export type { SourceCaches } from "./gc-sources.ts";
export {
  boundLogs,
  buildOfLog,
  endOfLog,
  listLogs,
  logEnd,
  openLogFile,
  rotateLog,
  type LogBound,
  type LogFile,
} from "./logs.ts";
export { endOrphans, outputVariable } from "./processes.ts";
export { takingTurns } from "./turns.ts";
export { missingSpace, prefixAbove, triedPlace } from "./place.ts";
export {
  boundFailed,
  failedRecord,
  isUnfinished,
  listFailed,
  readFailed,
  removeScratch,
  scratchPath,
  testedOutput,
  writeFailed,
  type FailedBuild,
  type KeptBuild,
} from "./failed.ts";
