import { setTimeout as sleep } from "node:timers/promises";

import { describe, expect, it } from "vitest";

import { probe, runProbes, type Facts } from "../../../src/probe/graph.ts";
import type { Look } from "../../../src/probe/look.ts";
import { observed } from "../../../src/probe/outcome.ts";
import { createScheduler, type Verdict } from "../../../src/probe/scheduler.ts";

const resets = (result: string): Verdict => (result === "reset" ? "strained" : "fine");

describe("scheduler", () => {
  it("runs at most its width at once", async () => {
    const scheduler = createScheduler(3);
    let [running, most] = [0, 0];
    const job = async (): Promise<number> => {
      most = Math.max(most, ++running);
      await sleep(2);
      return --running;
    };
    await Promise.all(Array.from({ length: 12 }, () => scheduler.run(job, () => "fine")));
    expect(most).toBe(3);
  });

  it("halves its width after trouble and repeats what failed, alone", async () => {
    const scheduler = createScheduler(8, 8);
    let running = 0;
    const besides: number[] = [];
    const other = async (): Promise<string> => {
      running++;
      await sleep(3);
      running--;
      return "fine";
    };
    let [tries, limit] = [0, 0];
    const failing = async (): Promise<string> => {
      tries++;
      running++;
      if (tries === 2) limit = scheduler.limit;
      if (tries === 2) besides.push(running - 1);
      await sleep(1);
      if (tries === 2) besides.push(running - 1);
      running--;
      return tries === 1 ? "reset" : "fine";
    };
    const results = await Promise.all([
      scheduler.run(failing, resets),
      ...Array.from({ length: 12 }, () => scheduler.run(other, () => "fine")),
    ]);
    expect(results.every((result) => result === "fine")).toBe(true);
    expect({ tries, besides, limit }).toEqual({ tries: 2, besides: [0, 0], limit: 4 });
  });

  it("lets the second result stand, and never stops altogether", async () => {
    const scheduler = createScheduler(1);
    expect(await scheduler.run(async () => "reset", resets)).toBe("reset");
    expect(scheduler.limit).toBe(1);
    expect(
      await scheduler.run(
        async () => "fine",
        () => "fine",
      ),
    ).toBe("fine");
  });

  it("doubles after each clean round, up to the most", async () => {
    const scheduler = createScheduler(2, 8);
    const limits: number[] = [];
    const clean = (): Promise<string> =>
      scheduler.run(
        () => sleep(1, "fine"),
        () => "fine",
      );
    await clean();
    limits.push(scheduler.limit);
    for (let round = 0; round < 3; round++) {
      await Promise.all(Array.from({ length: 8 }, clean));
      limits.push(scheduler.limit);
    }
    expect(limits).toEqual([4, 8, 8, 8]);
  });

  it("does not take for strain what the peer answers alone as well, nor a closing", async () => {
    const scheduler = createScheduler(8);
    await scheduler.run(async () => "reset", resets);
    expect(scheduler.limit).toBe(8);
    let tries = 0;
    await scheduler.run(
      async () => ++tries,
      () => "repeat",
    );
    expect({ tries, limit: scheduler.limit }).toEqual({ tries: 2, limit: 8 });
  });

  it("counts what asks another service among those at once, and does not wait for it before it runs something alone", async () => {
    const scheduler = createScheduler(2, 8);
    const [ended, beside] = [Promise.withResolvers<string>(), Promise.withResolvers<void>()];
    let tries = 0;
    const order: string[] = [];
    const slow = scheduler.runBeside(async () => {
      beside.resolve();
      return ended.promise;
    });
    await beside.promise;
    const failing = scheduler.run(async () => {
      order.push(`failing ${++tries}`);
      return tries === 1 ? "reset" : "fine";
    }, resets);
    const other = scheduler.run(
      async () => order.push("other"),
      () => "fine",
    );
    expect(await failing).toBe("fine");
    ended.resolve("late");
    expect(await slow).toBe("late");
    await other;
    expect(order.slice(0, 2)).toEqual(["failing 1", "failing 2"]);
  });

  it("does not start what asks another service beside what runs alone, nor learn from it", async () => {
    const scheduler = createScheduler(4, 8);
    let tries = 0;
    let besides = "not yet";
    let seen = "";
    await scheduler.run(
      async () => {
        if (++tries === 1) return tries;
        const beside = scheduler.runBeside(async () => (besides = "begun"));
        await sleep(2);
        seen = besides;
        void beside;
        return tries;
      },
      () => "repeat",
    );
    await sleep(0);
    expect([seen, besides, scheduler.limit]).toEqual(["not yet", "begun", 4]);
  });

  it("goes on after a job that throws", async () => {
    const scheduler = createScheduler(1);
    await expect(
      scheduler.run(
        () => Promise.reject(new Error("a bug")),
        () => "fine",
      ),
    ).rejects.toThrow("a bug");
    expect(
      await scheduler.run(
        async () => 1,
        () => "fine",
      ),
    ).toBe(1);
  });
});

describe("graph of probes", () => {
  const look = { isFar: () => false } as Look;

  it("runs each probe once, after what it needs", async () => {
    const order: string[] = [];
    const support = observed<{ offered: true }>({ offered: true });
    const probes = [
      probe({
        gives: "redirect",
        needs: ["ssl2", "first"],
        async run(_look, known) {
          order.push(`other after ${known.ssl2.state} and ${known.first.kind}`);
          return observed(null);
        },
      }),
      probe({
        gives: "ssl2",
        needs: ["first"],
        async run() {
          await sleep(1);
          order.push("ssl2");
          return support;
        },
      }),
    ];
    const facts: Facts = await runProbes(look, probes, { first: { kind: "closed" } });
    expect(order).toEqual(["ssl2", "other after observed and closed"]);
    expect(facts.ssl2).toBe(support);
  });

  it("says when nothing gives what a probe needs", async () => {
    const lonely = probe({ gives: "redirect", needs: ["modern"], run: async () => observed(null) });
    await expect(runProbes(look, [lonely], {})).rejects.toThrow("no probe gives modern");
  });
});
