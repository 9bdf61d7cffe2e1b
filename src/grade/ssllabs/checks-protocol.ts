import type { Observations, ProtocolName } from "../../probe/index.ts";
import { offers, offersBeforeTls13, someSuite } from "../facts.ts";
import { longHsts } from "../rulebooks/ssllabs-2009r.ts";
import { isCbc } from "../suites.ts";
import { allOf, anyOf, defect, inapplicable, no, not, stated, yes } from "../verdict.ts";
import type { Verdict } from "../verdict.ts";

export const ssl2 = (observations: Observations): Verdict => offered(observations, "SSLv2", "SSL 2.0");
export const ssl3 = (observations: Observations): Verdict => offered(observations, "SSLv3", "SSL 3.0");
export const tls10 = (observations: Observations): Verdict => offered(observations, "TLSv1.0", "TLS 1.0");
export const tls11 = (observations: Observations): Verdict => offered(observations, "TLSv1.1", "TLS 1.1");

export function ssl3Best(observations: Observations): Verdict {
  const better = (["TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"] as const).map((protocol) =>
    offers(observations, protocol),
  );
  return defect(allOf([offers(observations, "SSLv3"), not(anyOf(better))]), {
    fail: "SSL 3.0 is the best protocol offered",
    pass: "SSL 3.0 is not the best protocol offered",
    open: "Whether there is a better protocol than SSL 3.0 is not known",
  });
}

/** SSL 3.0 with a CBC suite: its padding is not authenticated. */
export function poodle(observations: Observations): Verdict {
  return defect(allOf([offers(observations, "SSLv3"), someSuite(observations, isCbc, ["SSLv3"])]), {
    fail: "POODLE: SSL 3.0 is offered with CBC suites",
    pass: "No CBC suite is offered with SSL 3.0",
    open: "Whether SSL 3.0 is offered with CBC suites is not known",
  });
}

/** A server of TLS 1.3 alone does not fail: the guide means servers that have nothing this good. */
export function tls12Missing(observations: Observations): Verdict {
  return defect(not(anyOf([offers(observations, "TLSv1.2"), offers(observations, "TLSv1.3")])), {
    fail: "Neither TLS 1.2 nor TLS 1.3 is offered",
    pass: "TLS 1.2 or TLS 1.3 is offered",
    open: "Whether TLS 1.2 or TLS 1.3 is offered is not known",
  });
}

export function tls13Missing(observations: Observations): Verdict {
  return defect(not(offers(observations, "TLSv1.3")), {
    fail: "TLS 1.3 is not offered",
    pass: "TLS 1.3 is offered",
    open: "Whether TLS 1.3 is offered is not known",
  });
}

export function compression(observations: Observations): Verdict {
  const compresses = stated(observations.compression, (on) =>
    on ? yes("DEFLATE was chosen") : no("compression was declined"),
  );
  return defect(allOf([offersBeforeTls13(observations), compresses]), {
    fail: "CRIME: TLS compression is on",
    pass: "TLS compression is off",
    open: "Whether TLS compression is on is not known",
  });
}

export function noSecureRenegotiation(observations: Observations): Verdict {
  const lacking = stated(observations.secureRenegotiation, (supported) =>
    supported ? no("renegotiation_info was answered") : yes("renegotiation_info was not answered"),
  );
  return defect(allOf([offersBeforeTls13(observations), lacking]), {
    fail: "Secure renegotiation is not supported",
    pass: "Renegotiation is secure, or there is none",
    open: "Whether secure renegotiation is supported is not known",
  });
}

/** A header that turns the policy off or that browsers must ignore; no header at all is no such header. */
export function hstsInvalid(observations: Observations): Verdict {
  const invalid = stated(observations.http, ({ hsts }) => {
    if (!hsts.present) return no("no Strict-Transport-Security header");
    if (hsts.maxAge === null) return yes(`no usable max-age in: ${hsts.raw ?? ""}`);
    if (hsts.maxAge <= 0) return yes(`max-age=${hsts.maxAge}`);
    return hsts.problems.length > 0 ? yes(hsts.problems.join("; ")) : no(`max-age=${hsts.maxAge}`);
  });
  return defect(invalid, {
    fail: "HSTS is disabled or invalid",
    pass: "HSTS is neither disabled nor invalid",
    open: "The HSTS policy is not known",
  });
}

export function hstsNotLong(observations: Observations): Verdict {
  const short = stated(observations.http, ({ hsts }) => {
    if (!hsts.present) return yes("no Strict-Transport-Security header");
    const age = hsts.maxAge ?? 0;
    return age >= longHsts ? no(`max-age=${age}`) : yes(`max-age=${age}, below ${longHsts} seconds`);
  });
  return defect(short, {
    fail: "HSTS is absent or shorter than six months",
    pass: inapplicable(observations.http) === null ? "HSTS lasts six months or longer" : "HSTS: does not apply here",
    open: "Whether HSTS lasts six months is not known",
  });
}

function offered(observations: Observations, protocol: ProtocolName, title: string): Verdict {
  return defect(offers(observations, protocol), {
    fail: `${title} is offered`,
    pass: `${title} is not offered`,
    open: `Whether ${title} is offered is not known`,
  });
}
