import type { Comparison } from "../grade/index.ts";
import { documentOf, letter, nothing } from "./html-page.ts";
import { html } from "./markup.ts";
import type { Markup } from "./markup.ts";
import { viewComparison } from "./view-comparison.ts";
import type { ComparisonView, FindingsView, MoveView, OfferView, Tone, WorthView } from "./view-comparison.ts";

/** A comparison as one HTML document that stands alone, both sides beside each other. Every text is cleaned and escaped. */
export function comparisonToHtml(comparison: Comparison): string {
  const view = viewComparison(comparison);
  const names = view.sides.map(({ name }) => name);
  const body = html`<header>
      <h1>${names.join(" → ")}</h1>
    </header>
    ${sidesSection(view)} ${gradeSection(view)} ${worthSection(view)} ${view.findings.map(findingSection)}
    ${view.offer.length === 0 ? nothing : offerSection(view.offer)}`;
  return documentOf(
    `${names.join(" → ")}: ${view.rulebooks.map(({ from, to }) => `${from} → ${to}`).join(", ")}`,
    body,
  );
}

const classes: Readonly<Record<Tone, string>> = { good: "good", bad: "bad", doubtful: "doubt", quiet: "quiet" };

function sidesSection({ sides }: ComparisonView): Markup {
  const parts = sides.map(
    ({ label, name, grade, details }) =>
      html`<div>
        ${letter(grade, `Grade of ${label}`)}
        <h2>${label}: ${name}</h2>
        ${details.map((text) => html`<p class="quiet">${text}</p>`)}
      </div>`,
  );
  return html`<section class="pair">${parts}</section>`;
}

function gradeSection({ rulebooks, isSame }: ComparisonView): Markup {
  const rows = rulebooks.map(
    ({ rulebook, from, to, word, tone }) =>
      html`<tr>
        <th scope="row">${rulebook}</th>
        <td>${from}</td>
        <td>${to}</td>
        <td class="${classes[tone]}">${word}</td>
      </tr>`,
  );
  return html`<section>
    <h2>Grades</h2>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Rulebook</th>
            <th scope="col">A</th>
            <th scope="col">B</th>
            <th scope="col">B is</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
    ${isSame ? html`<p>Nothing differs.</p>` : nothing}
  </section>`;
}

function worthSection({ worth, idle }: ComparisonView): Markup {
  if (worth.length + idle.length === 0) return nothing;
  return html`<section>
    <h2>What each difference is worth</h2>
    ${worth.length === 0 ? nothing : worthTable(worth)}
    ${idle.length === 0 ? nothing : html`<p class="quiet">Nothing on their own, either way: ${idle.join("; ")}</p>`}
  </section>`;
}

function worthTable(worth: readonly WorthView[]): Markup {
  const rows = worth.map(
    ({ title, isPart, alone, without }) =>
      html`<tr>
        <th scope="row" class="${isPart ? "part" : ""}">${title}</th>
        <td>${movesCell(alone)}</td>
        <td>${movesCell(without)}</td>
      </tr>`,
  );
  return html`<div class="scroll">
    <table class="wrapping">
      <thead>
        <tr>
          <th scope="col">Difference</th>
          <th scope="col">A with this alone as in B</th>
          <th scope="col">B with this alone as in A</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}

function movesCell(moves: readonly MoveView[]): Markup {
  if (moves.length === 0) return html`<span class="quiet">nothing</span>`;
  return html`${moves.map(
    ({ rulebook, from, to, word, tone }) =>
      html`<div>${rulebook} <span class="${classes[tone]}" title="${word}">${from} → ${to}</span></div>`,
  )}`;
}

function findingSection({ title, tone, rows }: FindingsView): Markup {
  const parts = rows.map(
    ({ id, message, sides }) =>
      html`<article class="finding">
        <h3>${message}</h3>
        <dl>
          ${sides.map(
            ({ label, text }) =>
              html`<dt>${label}</dt>
                <dd>${text}</dd>`,
          )}
          <dt>Rule</dt>
          <dd class="mono">${id}</dd>
        </dl>
      </article>`,
  );
  if (tone === "quiet")
    return html`<section>
      <details>
        <summary>${title}</summary>
        ${parts}
      </details>
    </section>`;
  return html`<section>
    <h2><span class="${classes[tone]}">${title}</span></h2>
    ${parts}
  </section>`;
}

function offerSection(offer: readonly OfferView[]): Markup {
  const parts = offer.map(
    ({ title, rows }) =>
      html`<h3>${title}</h3>
        <dl>
          ${rows.map(
            ({ mark, text }) =>
              html`<dt>${{ "+": "new", "-": "gone", " ": "changed" }[mark]}</dt>
                <dd>${text}</dd>`,
          )}
        </dl>`,
  );
  return html`<section>
    <h2>What is offered</h2>
    ${parts}
  </section>`;
}
