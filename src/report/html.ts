import type { Finding, Report } from "../grade/index.ts";
import { documentOf, letter, nothing } from "./html-page.ts";
import { html } from "./markup.ts";
import type { Markup } from "./markup.ts";
import { number } from "./page.ts";
import { viewOf } from "./view.ts";
import type { GradeView, ReportView } from "./view.ts";
import type { ChainView } from "./view-chain.ts";
import type { SuitesView } from "./view-offer.ts";

/** A report as one HTML document that stands alone. Every text is cleaned and escaped. */
export function toHtml(report: Report): string {
  const view = viewOf(report);
  const body = html`<header>
      <h1>${view.target}</h1>
      <p class="quiet">${view.address} · ${view.time}</p>
    </header>
    ${view.grades.map(gradeSection)} ${levelSection(view)} ${findingSection("Failed", view.findings.fail)}
    ${findingSection(
      "Not known",
      view.findings.unknown.filter(({ severity }) => severity !== "info"),
    )}
    ${protocolSection(view)} ${suiteSection(view)} ${groupSection(view)} ${chainSection(view)}
    ${findingSection(
      "Information",
      view.findings.info.filter(({ id }) => !isScore(id)),
    )}
    ${foldedSection(
      "Not examined, or not known, and left out of the grade",
      view.findings.unknown.filter(({ severity }) => severity === "info"),
    )}
    ${foldedSection("Rules of the other rulebooks", view.levelFindings)} ${foldedSection("Passed", view.findings.pass)}
    <footer>
      <p>${view.cost}.</p>
    </footer>`;
  return documentOf(`${view.target}: ${view.grades.map(({ grade }) => grade).join(", ")}`, body);
}

function gradeSection(grade: GradeView): Markup {
  const title = `grade-${grade.rulebook}`;
  const total = grade.total === null ? nothing : html`<p>Total <b>${number(grade.total)}</b> of 100</p>`;
  return html`<section aria-labelledby="${title}">
    <div class="grade">
      ${letter(grade.grade, "Grade")}
      <div>
        <h2 id="${title}">${grade.rulebook}</h2>
        ${grade.note === "" ? nothing : html`<p><strong>${grade.note}</strong></p>`}
        ${grade.scores.map(scoreRow)}${total}
      </div>
    </div>
    ${list(
      "What limits the grade",
      grade.limits.map(
        (limit) => html`<b>${limit.lead}</b>: ${limit.reason} <span class="quiet">(${limit.reference})</span>`,
      ),
    )}
    ${list(
      "Not known, and decisive",
      grade.incomplete.map((text) => html`${text}`),
    )}
  </section>`;
}

function scoreRow({ name, score, why }: GradeView["scores"][number]): Markup {
  const value = score === null ? 0 : Math.min(100, Math.max(0, Number(score)));
  const meter =
    score === null
      ? html`<div class="track"></div>
          <b class="doubt">?</b>`
      : html`<div
            class="track"
            role="meter"
            aria-label="${name}"
            aria-valuemin="0"
            aria-valuemax="100"
            aria-valuenow="${value}"
          >
            <span style="width: ${value}%"></span>
          </div>
          <b>${number(value)}</b>`;
  return html`<div class="score">
    <span>${name}</span>${meter}${why === "" ? nothing : html`<small>${why}</small>`}
  </div>`;
}

function levelSection({ levels }: ReportView): Markup {
  const tones = { good: "good", doubtful: "doubt", bad: "bad" } as const;
  const rows = levels.map(
    ({ rulebook, level, tone: of, reasons }) =>
      html`<tr>
        <th scope="row">${rulebook}</th>
        <td><span class="${tones[of]}">${level}</span></td>
        <td class="quiet">${reasons.map((reason) => html`<div>${reason}</div>`)}</td>
      </tr>`,
  );
  return html`<section>
    <h2>Other rulebooks</h2>
    <div class="scroll">
      <table class="stacked">
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
  </section>`;
}

function protocolSection({ protocols }: ReportView): Markup {
  const modern = ["TLSv1.3", "TLSv1.2"];
  const rows = protocols.map(({ name, state, detail }) => {
    const style =
      state === "unknown" ? "doubt" : state === "offered" ? (modern.includes(name) ? "good" : "bad") : "quiet";
    const text = state === "unknown" ? "not known" : state;
    return html`<tr>
      <th scope="row">${name}</th>
      <td><span class="${style}">${text}</span></td>
      <td class="quiet">${detail}</td>
    </tr>`;
  });
  return html`<section>
    <h2>Protocols</h2>
    <div class="scroll">
      <table>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
  </section>`;
}

function suiteSection({ suites }: ReportView): Markup {
  if (suites.length === 0) return nothing;
  return html`<section>
    <h2>Cipher suites</h2>
    ${suites.map(suiteTable)}
  </section>`;
}

function suiteTable({ protocol, order, rows, unknown }: SuitesView): Markup {
  if (unknown !== null)
    return html`<h3>${protocol}</h3>
      <p class="doubt">not known: ${unknown}</p>`;
  const lines = rows.map(
    ({ name, bits, exchange, marks }) =>
      html`<tr>
        <td class="mono">${name}</td>
        <td class="number">${bits}</td>
        <td>${exchange}</td>
        <td class="bad">${marks.join(", ")}</td>
      </tr>`,
  );
  return html`<h3>${protocol}</h3>
    <div class="scroll">
      <table>
        <caption>
          ${order}
        </caption>
        <thead>
          <tr>
            <th scope="col">Suite</th>
            <th scope="col" class="number">Bits</th>
            <th scope="col">Key exchange</th>
            <th scope="col">Weakness</th>
          </tr>
        </thead>
        <tbody>
          ${lines}
        </tbody>
      </table>
    </div>`;
}

function groupSection({ groups: { order, negotiated, rows, unknown } }: ReportView): Markup {
  if (unknown !== null)
    return html`<section>
      <h2>Groups</h2>
      <p class="doubt">not known: ${unknown}</p>
    </section>`;
  const lines = rows.map(
    ({ name, postQuantum, strength }) =>
      html`<tr>
        <td class="mono">${name}</td>
        <td>${strength}</td>
        <td class="good">${postQuantum ? "post-quantum" : ""}</td>
      </tr>`,
  );
  return html`<section>
    <h2>Groups</h2>
    <div class="scroll">
      <table>
        <caption>
          ${order}; negotiated: ${negotiated ?? "not known"}
        </caption>
        <thead>
          <tr>
            <th scope="col">Group</th>
            <th scope="col">Strength</th>
            <th scope="col">Kind</th>
          </tr>
        </thead>
        <tbody>
          ${lines}
        </tbody>
      </table>
    </div>
  </section>`;
}

function chainSection({ chains: { unknown, rows } }: ReportView): Markup {
  if (unknown !== null)
    return html`<section>
      <h2>Certificates</h2>
      <p class="doubt">not known: ${unknown}</p>
    </section>`;
  return html`<section>
    <h2>Certificates</h2>
    ${rows.map(chainPart)}
  </section>`;
}

function chainPart({ title, facts, certificates }: ChainView): Markup {
  const told = facts.map(
    ({ name, value, good }) =>
      html`<dt>${name}</dt>
        <dd class="${good === false ? "bad" : ""}">${value}</dd>`,
  );
  const sent = certificates.map(
    ({ subject, detail }) =>
      html`<li><span class="mono">${subject}</span><br /><span class="quiet">${detail}</span></li>`,
  );
  return html`<h3>${title}</h3>
    <dl>${told}</dl>
    <h3>Chain as sent</h3>
    <ol>
      ${sent}
    </ol>`;
}

function findingSection(title: string, findings: readonly Finding[]): Markup {
  if (findings.length === 0) return nothing;
  return html`<section>
    <h2>${title} (${findings.length})</h2>
    ${findings.map(findingPart)}
  </section>`;
}

function foldedSection(title: string, findings: readonly Finding[]): Markup {
  if (findings.length === 0) return nothing;
  return html`<section>
    <details>
      <summary>${title} (${findings.length})</summary>
      ${findings.map(findingPart)}
    </details>
  </section>`;
}

function findingPart({ id, outcome, severity, message, evidence, reference, fix }: Finding): Markup {
  const tones = { fail: "bad", unknown: "doubt", pass: "good", info: "quiet" } as const;
  const label = severity === "info" ? outcome : `${outcome}, ${severity}`;
  return html`<article class="finding">
    <h3><span class="tag ${tones[outcome]}">${label}</span>${message}</h3>
    <dl>
      ${
        evidence === ""
          ? nothing
          : html`<dt>Evidence</dt>
              <dd>${evidence}</dd>`
      }${
        fix === null
          ? nothing
          : html`<dt>Fix</dt>
              <dd>${fix}</dd>`
      }
      <dt>Reference</dt>
      <dd>${reference}</dd>
      <dt>Rule</dt>
      <dd class="mono">${id}</dd>
    </dl>
  </article>`;
}

function list(title: string, items: readonly Markup[]): Markup {
  if (items.length === 0) return nothing;
  return html`<h3>${title}</h3>
    <ul>
      ${items.map((item) => html`<li>${item}</li>`)}
    </ul>`;
}

/** Shown beside the grade already. */
function isScore(id: string): boolean {
  return id.startsWith("ssllabs.score.");
}
