import { describe, expect, test } from "vitest";
import { toHtml } from "../../../src/report/index.ts";
import { attack, bad, best, good, hostile } from "./reports.ts";

/** The tags of a document, by name, in order. */
const tags = (html: string): readonly string[] =>
  [...html.matchAll(/<([a-z][a-z0-9]*)\b/g)].map((match) => match[1] ?? "");

describe("html", () => {
  test("stands alone: no script, no address, no event handler", () => {
    for (const report of [good, best, bad, hostile]) {
      const html = toHtml(report);
      expect(tags(html)).not.toContain("script");
      for (const tag of ["link", "img", "iframe", "object", "embed", "a", "form"])
        expect(tags(html)).not.toContain(tag);
      expect(html).not.toMatch(/\b(src|href|url|@import)\b\s*[=(]/);
      expect(html).not.toMatch(/<[^>]+\son[a-z]+=/);
      expect(html).toContain("default-src 'none'");
    }
  });

  test("hostile texts stay text", () => {
    const html = toHtml(hostile);
    expect(html).toContain("&lt;script&gt;alert(1)&lt;/script&gt;&amp;amp;");
    expect(html).not.toContain("<script");
    expect(html.split("</style>")).toHaveLength(2);
    expect(html.split("</title>")).toHaveLength(2);
    expect(attack).toContain("\u001b");
    expect(html).not.toMatch(/[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]/);
  });

  test("quotes cannot end an attribute", () => {
    const html = toHtml({ ...good, grades: { [`x" onmouseover="alert(1)`]: good.grades["ssllabs-2009r"]! } });
    expect(html).toContain("grade-x&quot; onmouseover=&quot;alert(1)");
    expect(html).not.toContain(`x" onmouseover`);
  });

  test("every element that is opened is closed", () => {
    const open: string[] = [];
    const misplaced: string[] = [];
    const body = toHtml(bad).replace(/<style>[^]*<\/style>/, "");
    for (const [, slash, name = ""] of body.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*>/g)) {
      if (["meta", "br"].includes(name)) continue;
      if (slash === "") open.push(name);
      else if (open.pop() !== name) misplaced.push(name);
    }
    expect([open, misplaced]).toEqual([[], []]);
  });

  test("shows grade, scores, protocols, suites, groups, chain, findings with reference and fix, and the cost", () => {
    const html = toHtml(good);
    for (const text of [
      `aria-label="Grade A+"`,
      `aria-valuenow="90"`,
      "TLSv1.1",
      "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
      "X25519MLKEM768",
      "CN=Example Issuing CA",
      "33 connections, 9.1 kB sent, 48.3 kB received, 0.06 s",
      "prefers-color-scheme: dark",
    ]) {
      expect(html).toContain(text);
    }
    const failing = toHtml(bad);
    for (const text of [
      "Turn TLS 1.0 off",
      "SSL Server Rating Guide 2009q",
      "not known: timed out after 3 s, twice",
      "at best B",
    ]) {
      expect(failing).toContain(text);
    }
  });

  test("shows AAA and every rulebook with its level, and folds their rules", () => {
    const row = (html: string, name: string): string =>
      new RegExp(`<th scope="row">${name}</th>([^]*?)</tr>`).exec(html)?.[1]?.replace(/<[^>]*>|\s+/g, " ") ?? "";
    const content = toHtml(best);
    expect(row(content, "AAA")).toMatch(/^\s*yes\s*$/);
    expect(row(content, "mozilla-6.0")).toMatch(/intermediate\s+protocols: TLSv1.2 is accepted/);
    expect(row(content, "ncsc-nl-2025")).toMatch(/sufficient\s+protocols: TLSv1.2/);
    expect(content).toContain("mozilla-6.0-modern.protocols");
    const failing = toHtml(bad);
    expect(row(failing, "AAA")).toMatch(/no\s+Mozilla&#39;s guideline is kept to: no \(none\)/);
    expect(row(failing, "mozilla-6.0")).toMatch(/none\s+protocols: TLSv1.0 is accepted/);
    expect(failing.split("<h2>Failed")[1]?.split("</section>")[0]).not.toContain("ncsc-nl");
  });

  test("heading levels do not jump, and each table names its columns or rows", () => {
    const levels = [...toHtml(bad).matchAll(/<h([1-6])\b/g)].map((match) => Number(match[1]));
    expect(levels[0]).toBe(1);
    for (const [index, level] of levels.entries()) expect(level - (levels[index - 1] ?? 0)).toBeLessThanOrEqual(1);
    for (const table of toHtml(bad).match(/<table>[^]*?<\/table>/g) ?? []) expect(table).toContain("scope=");
  });
});
