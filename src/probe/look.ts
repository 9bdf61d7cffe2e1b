import type { Random } from "../wire/index.ts";
import { answerOf, isTrouble, readFlight, type Answer, type Flight } from "./client/answer.ts";
import { converse, type Channel, type Dial, type Tally, type Tap, type Way } from "./client/channel.ts";
import { buildHello, type HelloPlan } from "./client/hello.ts";
import { createKeeper } from "./keeper.ts";
import type { Pace } from "./reach/pace.ts";
import { createScheduler, type Verdict } from "./scheduler.ts";
import type { StartTls, Target } from "./types.ts";

/** One target under observation: how probes ask it, and what all connections have shown so far. */
export interface Look {
  readonly target: Target;
  readonly now: Date;
  readonly random: Random;
  readonly tally: Tally;
  /** Every flight that any probe was answered with; facts are harvested from these. */
  readonly flights: readonly Flight[];
  /** Adds a flight to these, and gives it as it is kept: what goes on is to hold this one. Throws DecodeError for one that is too large. */
  readonly keep: (flight: Flight) => Flight;
  /** Why certificates of `flights` are not all there; null where they are. */
  readonly leftOut: () => string | null;
  /** Sends a hello; asks again, alone, before trouble is believed. */
  readonly ask: (plan: HelloPlan) => Promise<Answer>;
  /** A longer conversation under the same rules. Its result, or how it failed. */
  readonly talk: <T extends object>(use: (channel: Channel) => Promise<T>) => Promise<Talked<T>>;
  /** One conversation without TLS on another port of the same host: within the same limits and as many at once, but never repeated. */
  readonly talkPlain: <T extends object>(port: number, use: (channel: Channel) => Promise<T>) => Promise<Talked<T>>;
  /** Asks by datagrams, once and beside all connections: no connection is counted, and pace, time and recording are those of the look. */
  readonly datagram: <T extends object>(use: (of: Datagrams) => Promise<T>) => Promise<Talked<T>>;
  /** True once a record of TLS has come from this target. */
  readonly hasSpoken: () => boolean;
  /** True where waiting costs more than connections: many hellos at once are then better than one after the other. */
  readonly isFar: () => boolean;
  /** The shortest time until TLS could begin on a connection; null before the first. */
  readonly roundTripMs: () => number | null;
  /** The protocol that TLS begins in; null where it begins at once, which is taken for HTTPS. */
  readonly startTls: StartTls | null;
  /** Where the same host may answer without TLS; null where that is not to be asked. */
  readonly plainPort: number | null;
  /** Connections go through a proxy, which resolves the name. */
  readonly isProxied: boolean;
  /** Resolvers to ask in place of the machine's. */
  readonly dnsServers: readonly string[] | null;
  readonly signal: AbortSignal | undefined;
  /** Until nothing more is begun, in milliseconds. */
  readonly leftMs: () => number;
}

/** What a conversation by datagrams keeps to. */
export interface Datagrams {
  readonly tally: Tally;
  readonly signal: AbortSignal | undefined;
  readonly tap: Tap | undefined;
  readonly leftMs: number;
}

export type Talked<T> = { readonly kind: "done"; readonly value: T } | Exclude<Answer, { kind: "hello" }>;

export interface LookOptions {
  readonly timeoutMs: number;
  /** Connections that may be made in all. */
  readonly budget?: number | undefined;
  /** After this many milliseconds no connection is begun. */
  readonly totalMs: number;
  readonly now: Date;
  readonly random: Random;
  readonly signal?: AbortSignal | undefined;
  readonly way?: Way | undefined;
  readonly startTls?: StartTls | undefined;
  readonly plainPort?: number | null | undefined;
  readonly dnsServers?: readonly string[] | undefined;
  /** Two connections at once at most, and a pause after each. */
  readonly gentle?: boolean | undefined;
  readonly pace?: Pace | undefined;
  /** Whether many hellos at once are better than one after the other; by the round trip unless told. */
  readonly isFar?: boolean | undefined;
  /** Called for each connection: sees its bytes. */
  readonly tap?: (() => Tap) | undefined;
}

/** A round trip above this many milliseconds makes a target far. */
const farMs = 5;
/** Connections where none are told: twice what five versions with every suite take, one by one. */
const usualBudget = 800;
/** For a conversation without TLS, in milliseconds: most of those that are not answered at once are dropped on the way. */
const plainMs = 3000;
/** Between two connections of a gentle look, in milliseconds. */
const gentlePauseMs = 100;

/** Prepares to look at a target. Connects to nothing. */
export function createLook(target: Target, options: LookOptions): Look {
  const { gentle = false, signal } = options;
  const tally: Tally = { connections: 0, bytesSent: 0, bytesReceived: 0 };
  const scheduler = gentle ? createScheduler(2) : createScheduler(8, 32);
  const { flights, keep, leftOut } = createKeeper();
  const end = performance.now() + options.totalMs;
  let roundTripMs: number | null = null;
  let isNear = false;
  let spoken = false;

  // A gentle look takes its time: fewer connections are better then.
  const isFar = (): boolean =>
    options.isFar ?? (!isNear && !gentle && options.pace === undefined && (roundTripMs ?? 0) > farMs);
  const ofTls: Partial<Dial> = {
    way: options.way,
    onReady(ms, isOwn) {
      roundTripMs = Math.min(roundTripMs ?? ms, ms);
      // A busy machine takes its time to answer itself, which says nothing of a way.
      isNear ||= isOwn && options.way?.via === undefined;
    },
  };
  const late: Talked<never> = {
    kind: "skipped",
    why: `the time of ${options.totalMs / 1000} s is used up`,
    cause: "time",
  };
  const attempt = async <T extends object>(
    use: (channel: Channel) => Promise<T>,
    to: Partial<Dial> = ofTls,
  ): Promise<Talked<T>> => {
    if (options.pace !== undefined) await options.pace(signal);
    const left = end - performance.now();
    const { budget = usualBudget } = options;
    if (tally.connections >= budget) return { kind: "skipped", why: `the budget of ${budget} connections is used up` };
    if (left <= 0) return late;
    const dial: Dial = {
      address: target.address,
      port: target.port,
      tally,
      signal,
      tap: options.tap?.(),
      ...to,
      timeoutMs: Math.min(options.timeoutMs, left, to.timeoutMs ?? Infinity),
    };
    try {
      return { kind: "done", value: await converse(dial, use) };
    } catch (error) {
      const answer = answerOf(error);
      if (answer.kind === "hello") throw error;
      // Silence in less time than an answer may take is our own limit; its timer may come a moment early.
      return answer.kind === "silent" && performance.now() >= end - 2 && left < options.timeoutMs ? late : answer;
    } finally {
      if (gentle) await (await import("./reach/pace.ts")).pause(gentlePauseMs, signal);
    }
  };
  const datagram = async <T extends object>(use: (of: Datagrams) => Promise<T>): Promise<Talked<T>> => {
    if (options.pace !== undefined) await options.pace(signal);
    if (signal?.aborted === true) return { kind: "skipped", why: "interrupted" };
    const leftMs = end - performance.now();
    if (leftMs <= 0) return late;
    return { kind: "done", value: await use({ tally, signal, tap: options.tap?.(), leftMs }) };
  };
  const talk = async <T extends object>(use: (channel: Channel) => Promise<T>): Promise<Talked<T>> => {
    // A target that has been silent in every way is not asked everything twice.
    const mayRepeat = spoken || tally.connections === 0;
    const result = await scheduler.run(
      () => attempt(use),
      (answer) => (mayRepeat || spoken ? verdictOf(answer) : "fine"),
    );
    if (result.kind === "done" || result.kind === "alert") spoken = true;
    return result;
  };

  return {
    target,
    now: options.now,
    random: options.random,
    tally,
    flights,
    keep,
    leftOut,
    talk,
    talkPlain: (port, use) => scheduler.runBeside(() => attempt(use, { port, timeoutMs: plainMs })),
    datagram,
    async ask(plan) {
      const result = await talk(async (channel) => {
        const hello = buildHello(plan, { serverName: target.serverName, random: options.random });
        return keep(await readFlight(channel, hello));
      });
      return result.kind === "done" ? { kind: "hello", flight: result.value } : result;
    },
    hasSpoken: () => spoken,
    roundTripMs: () => roundTripMs,
    isFar,
    startTls: options.startTls ?? null,
    plainPort: options.plainPort ?? null,
    isProxied: options.way?.via !== undefined,
    dnsServers: options.dnsServers ?? null,
    signal,
    leftMs: () => end - performance.now(),
  };
}

function verdictOf(answer: { readonly kind: string }): Verdict {
  if (!isTrouble(answer)) return "fine";
  return answer.kind === "closed" || answer.kind === "garbage" ? "repeat" : "strained";
}
