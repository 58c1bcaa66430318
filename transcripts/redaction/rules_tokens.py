"""Tokens that providers give a form of their own: a fixed prefix or infix, then a known alphabet and length.

Forms are those that the providers document for secret scanning. Lengths are lower bounds: a longer run of the
same alphabet belongs to the token.
"""

import base64
import re
from typing import NamedTuple

from transcripts.redaction.spans import EXACT, Find, Rule, Span, starts_word
from transcripts.redaction.values import entropy

_LOOK_BACK = 100
_LONGEST = 8192  # bounds what a hit costs; the longest tokens are JWTs that carry claims


class _Form(NamedTuple):
    """`literals` as they stand in the token, `tail` what follows, `head` what stands before, if anything."""

    kind: str
    literals: str
    tail: str
    head: str = ""
    word: bool = False  # the literal is short or a word's end: ask for a word border before it


_B62 = "[A-Za-z0-9]"
_URL64 = "[A-Za-z0-9_-]"
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

_FORMS = (
    # Clouds
    _Form("aws-access-key", "AKIA ASIA ABIA ACCA", r"[A-Z2-7]{16}(?![A-Za-z0-9])", word=True),
    _Form("aws-bedrock-key", "ABSK", r"[A-Za-z0-9+/]{100,}={0,2}", word=True),
    _Form("aws-bedrock-key", "bedrock-api-key-", r"[A-Za-z0-9+/_-]{40,}={0,2}"),
    _Form("google-api-key", "AIza", rf"{_URL64}{{35}}(?!{_B62})"),
    _Form("google-api-key", "AQ.Ab", rf"{_URL64}{{35,}}", word=True),
    _Form("google-oauth", "ya29.", r"[A-Za-z0-9_.-]{20,}"),
    _Form("google-oauth", "GOCSPX-", rf"{_URL64}{{24,}}"),
    _Form("google-oauth", "1//0", rf"{_URL64}{{40,}}", word=True),
    _Form("azure-client-secret", "Q~", r"[A-Za-z0-9_.~-]{31,34}", head=r"[A-Za-z0-9_.~-]{3}[0-9]"),
    _Form("azure-key", "JQQJ99 AZDO", rf"{_B62}{{4,26}}(?!{_B62})", head=rf"{_B62}{{52,76}}"),
    _Form(
        "azure-key",
        "+ASt +AMC AzFu AzSe +ARm +AEh ACDb",
        rf"{_B62}{{5,8}}={{1,2}}",
        head=r"[A-Za-z0-9+/]{33,76}",
    ),
    _Form("alibaba-key", "LTAI", rf"{_B62}{{16,20}}(?!{_B62})", word=True),
    _Form("tencent-key", "AKID", rf"{_B62}{{32}}(?!{_B62})", word=True),
    _Form("digitalocean-token", "dop_v1_ doo_v1_ dor_v1_", r"[a-f0-9]{40,}"),
    _Form("cloudflare-token", "cfut_ cfat_ cfk_", rf"{_B62}{{40,}}", word=True),
    _Form("cloudflare-token", "v1.0-", r"[a-f0-9]{24}-[a-f0-9]{100,}", word=True),
    _Form("heroku-key", "HRKU-", rf"{_URL64}{{36,}}"),
    _Form("fly-token", "FlyV1 fm1_ fm1a_ fm1r_ fm2_ fo1_", r"[A-Za-z0-9+/=,_-]{40,}", word=True),
    _Form("databricks-token", "dapi", r"[0-9a-f]{32}(?:-\d)?", word=True),
    _Form("vercel-token", "vcp_ vci_ vca_ vcr_ vck_", rf"{_B62}{{24,}}", word=True),
    _Form("netlify-token", "nfp_ nfc_ nfo_ nfb_ nfu_", rf"{_B62}{{36,}}", word=True),
    _Form("supabase-key", "sbp_ sb_secret_ sbp_v0_", rf"{_URL64}{{20,}}", word=True),
    _Form("planetscale-token", "pscale_tkn_ pscale_pw_ pscale_oauth_", r"[A-Za-z0-9_.=-]{32,}"),
    _Form("neon-key", "napi_", rf"{_B62}{{40,}}", word=True),
    _Form("render-key", "rnd_", rf"{_B62}{{28,}}", word=True),
    _Form("scalingo-token", "tk-us-", rf"{_URL64}{{48}}", word=True),
    _Form(
        "modal-token",
        "ak- as- wk- ws-",
        rf"(?={_B62}*[0-9])(?={_B62}*[A-Z])(?={_B62}*[a-z]){_B62}{{22}}(?!{_URL64})",
        word=True,
    ),
    _Form("pulumi-token", "pul-", r"[a-f0-9]{40}", word=True),
    _Form("terraform-token", ".atlasv1.", rf"{_URL64}{{60,}}", head=rf"{_B62}{{14}}"),
    _Form(
        "doppler-token",
        "dp.pt. dp.ct. dp.sa. dp.scim. dp.audit. dp.st.",
        r"(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,}",
        word=True,
    ),
    _Form("vault-token", "hvs. hvb. hvr.", rf"{_URL64}{{24,}}", word=True),
    _Form("tailscale-key", "tskey-", r"[a-z]+-[A-Za-z0-9]{8,}(?:-[A-Za-z0-9]+)?"),
    _Form("age-key", "AGE-SECRET-KEY-1", r"[A-Z0-9]{50,}"),
    _Form("1password-token", "ops_eyJ", r"[A-Za-z0-9+/_-]{200,}={0,3}"),
    _Form(
        "1password-token",
        "A3-",
        r"[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}",
        word=True,
    ),
    # Source hosts, packages, CI
    _Form("github-token", "ghp_ gho_ ghu_ ghr_", rf"{_B62}{{30,}}"),
    _Form("github-token", "ghs_", r"[A-Za-z0-9_.-]{30,}"),
    _Form("github-token", "github_pat_", r"[A-Za-z0-9_]{22,}"),
    _Form(
        "gitlab-token",
        "glpat- gldt- glrt- glrtr- glptt- glcbt- glsoat- glffct- glimt- glagent- gloas- glft- glwt-",
        r"[A-Za-z0-9_.-]{20,}",
    ),
    _Form("gitlab-token", "GR1348941", rf"{_URL64}{{20,}}"),
    _Form("bitbucket-token", "ATBB", rf"{_B62}{{32}}(?!{_B62})", word=True),
    _Form("atlassian-token", "ATATT3 ATCTT3", r"[A-Za-z0-9_=-]{60,}"),
    _Form("npm-token", "npm_", rf"{_B62}{{36,}}", word=True),
    _Form("pypi-token", "pypi-", rf"{_URL64}{{50,}}", word=True),
    _Form("rubygems-key", "rubygems_", r"[a-f0-9]{40,}"),
    _Form("crates-token", "cio", rf"(?=[A-Za-z]*[0-9]){_B62}{{32}}(?!{_B62})", word=True),
    _Form("docker-token", "dckr_pat_ dckr_oat_", rf"{_URL64}{{20,}}"),
    _Form("nuget-key", "oy2", r"[a-z0-9]{43}(?![A-Za-z0-9])", word=True),
    _Form("packagist-token", "packagist_", r"[ou][ru]t_[a-f0-9]{60,}"),
    _Form("clojars-token", "CLOJARS_", r"[a-z0-9]{60}"),
    _Form("artifactory-key", "AKCp", rf"{_B62}{{60,}}", word=True),
    _Form("artifactory-key", "cmVmdGtu", rf"{_B62}{{50,}}", word=True),
    _Form("circleci-token", "CCIPAT_ CCIPRJ_", r"[A-Za-z0-9_]{40,}"),
    _Form("buildkite-token", "bkua_", r"[a-z0-9]{40}", word=True),
    _Form("sonar-token", "sqp_ squ_ sqa_", r"[a-z0-9]{40}", word=True),
    _Form("launchdarkly-key", "sdk- mob- api-", rf"{_UUID}(?![A-Za-z0-9-])", word=True),
    _Form("postman-key", "PMAK-", r"[a-f0-9]{24}-[a-f0-9]{34}"),
    _Form("prefect-key", "pnu_ pnb_", rf"{_B62}{{36}}", word=True),
    # Models
    _Form("anthropic-key", "sk-ant-", r"[a-z]+[0-9]*-[A-Za-z0-9_-]{20,}"),
    _Form("openai-key", "sk-proj- sk-svcacct- sk-admin- sk-None-", rf"{_URL64}{{20,}}"),
    _Form("openrouter-key", "sk-or-", r"v[0-9]-[0-9a-f]{32,}"),
    _Form("langfuse-key", "sk-lf- pk-lf-", _UUID, word=True),
    _Form("model-key", "sk-", rf"(?={_B62}*[0-9]){_B62}{{20,}}(?!{_URL64})", word=True),
    _Form("huggingface-token", "hf_ api_org_", rf"{_B62}{{34}}", word=True),
    _Form("replicate-token", "r8_", rf"{_B62}{{37}}", word=True),
    _Form("groq-key", "gsk_", rf"{_B62}{{40,}}", word=True),
    _Form("xai-key", "xai-", rf"{_B62}{{60,}}", word=True),
    _Form("perplexity-key", "pplx-", rf"{_B62}{{40,}}", word=True),
    _Form("nvidia-key", "nvapi-", rf"{_URL64}{{50,}}", word=True),
    _Form("langsmith-key", "lsv2_pt_ lsv2_sk_ ls__", r"[0-9a-f]{32}(?:_[0-9a-f]{10})?", word=True),
    _Form("pinecone-key", "pcsk_", r"[A-Za-z0-9_]{40,}", word=True),
    _Form("tavily-key", "tvly-", rf"{_URL64}{{20,}}", word=True),
    _Form("firecrawl-key", "fc-", r"[0-9a-f]{32}(?![A-Za-z0-9])", word=True),
    _Form("together-key", "tgp_v1_", rf"{_URL64}{{40,}}", word=True),
    _Form("fireworks-key", "fw_", rf"(?={_B62}*[0-9])(?={_B62}*[A-Z]){_B62}{{22,24}}(?!{_URL64})", word=True),
    _Form("voyage-key", "pa-", rf"(?={_URL64}*[0-9])(?={_URL64}*[A-Z]){_URL64}{{43}}(?!{_URL64})", word=True),
    _Form("cerebras-key", "csk-", r"[a-z0-9]{40,}", word=True),
    _Form("e2b-key", "e2b_", r"[0-9a-f]{40}", word=True),
    _Form("wandb-key", "wandb_v1_", r"[A-Za-z0-9_]{40,}"),
    _Form("elevenlabs-key", "sk_", r"[0-9a-f]{48}(?![A-Za-z0-9])", word=True),
    # Watching, analytics, mail, chat
    _Form("sentry-token", "sntrys_ sntryu_ sntryi_", r"[A-Za-z0-9+/=_-]{40,}"),
    _Form("newrelic-key", "NRAK- NRJS- NRII- NRAL- NRRA-", r"[A-Za-z0-9_-]{19,}"),
    _Form("grafana-token", "glc_eyJ glsa_ eyJrIjoi", r"[A-Za-z0-9+/_-]{40,}={0,3}", word=True),
    _Form("dynatrace-token", "dt0c01. dt0s16. dt0s02.", r"[A-Z2-7]{24}\.[A-Z2-7]{64}", word=True),
    _Form("elastic-key", "essu_", r"[A-Za-z0-9+/_-]{40,}={0,2}", word=True),
    _Form("posthog-key", "phc_ phx_ phs_ pha_", rf"{_B62}{{30,}}", word=True),
    _Form("honeycomb-key", "hcaik_ hcbik_ hcamk_", r"[a-z0-9]{40,}", word=True),
    _Form(
        "slack-token",
        "xoxa- xoxb- xoxe- xoxo- xoxp- xoxr- xoxs- xoxc- xoxd- xoxe.xox",
        r"[A-Za-z0-9%.+/=-]{10,}",
        word=True,
    ),
    _Form("slack-token", "xapp-", r"[0-9]-[A-Za-z0-9-]{20,}", word=True),
    _Form(
        "slack-webhook",
        "hooks.slack.com/",
        r"(?:services/T[A-Z0-9]{6,}/[A-Z0-9]{6,}|(?:workflows|triggers)/[A-Z0-9]{6,}(?:/[A-Z0-9]{6,}){1,2})/[A-Za-z0-9]{16,}",
    ),
    _Form("discord-webhook", "/api/webhooks/", r"[0-9]{17,20}/[A-Za-z0-9_-]{60,}"),
    _Form("telegram-token", ":AA", rf"{_URL64}{{32,33}}(?!{_URL64})", head=r"[0-9]{8,10}"),
    _Form("teams-webhook", "webhook.office.com/", r"webhookb2/[A-Za-z0-9@/-]{80,}"),
    _Form("twilio-key", "SK", r"[0-9a-f]{32}(?![A-Za-z0-9])", word=True),
    _Form("sendgrid-key", "SG.", rf"{_URL64}{{16,32}}\.{_URL64}{{16,64}}", word=True),
    _Form("sendinblue-key", "xkeysib- xsmtpsib-", r"[a-f0-9]{64}-[A-Za-z0-9]{16}"),
    _Form("mailgun-key", "key-", r"[0-9a-f]{32}(?![A-Za-z0-9])", word=True),
    _Form("mailgun-key", "pubkey-", r"[0-9a-f]{32}(?![A-Za-z0-9])", word=True),
    _Form("mailchimp-key", "-us", r"[0-9]{1,2}(?![A-Za-z0-9])", head=r"[0-9a-f]{32}"),
    _Form("resend-key", "re_", rf"{_B62}{{8}}_{_B62}{{24}}(?!{_B62})", word=True),
    _Form("hubspot-key", "pat-na1- pat-eu1- pat-na2-", _UUID),
    # Money, shops, work
    _Form(
        "stripe-key", "sk_live_ sk_test_ rk_live_ rk_test_ sk_prod_ rk_prod_", rf"{_B62}{{10,}}", word=True
    ),
    _Form("stripe-webhook-secret", "whsec_", r"[A-Za-z0-9+/=]{24,}", word=True),
    _Form("square-token", "sq0atp- sq0csp- sq0idp-", rf"{_URL64}{{22,}}"),
    _Form("square-token", "EAAA", rf"{_URL64}{{60}}(?!{_URL64})", word=True),
    _Form("facebook-token", "EAA", rf"(?={_B62}*[0-9]){_B62}{{100,}}", word=True),
    _Form("paypal-token", "access_token$production$ access_token$sandbox$", r"[0-9a-z]{16}\$[0-9a-f]{32}"),
    _Form("plaid-token", "access-sandbox- access-development- access-production-", _UUID),
    _Form("flutterwave-key", "FLWSECK_TEST- FLWSECK- FLWPUBK_TEST- FLWPUBK-", r"[a-zA-Z0-9]{12,}"),
    _Form("duffel-token", "duffel_test_ duffel_live_", r"[A-Za-z0-9_=-]{40,}"),
    _Form("shippo-token", "shippo_live_ shippo_test_", r"[a-f0-9]{40}"),
    _Form("easypost-key", "EZAK EZTK", rf"{_B62}{{54}}(?!{_B62})", word=True),
    _Form("shopify-token", "shpat_ shpca_ shppa_ shpss_", r"[a-fA-F0-9]{32}"),
    _Form("linear-key", "lin_api_ lin_oauth_ lin_wh_", rf"{_B62}{{32,}}"),
    _Form("notion-key", "ntn_ secret_", rf"{_B62}{{40,}}", word=True),
    _Form("figma-token", "figd_ figo_ figu_", rf"{_URL64}{{36,}}", word=True),
    _Form("contentful-token", "CFPAT-", rf"{_URL64}{{40,}}"),
    _Form("typeform-token", "tfp_", r"[A-Za-z0-9_.-]{40,}", word=True),
    _Form("mapbox-token", "sk.eyJ", r"[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}", word=True),
    _Form("adafruit-key", "aio_", rf"{_B62}{{28}}(?!{_B62})", word=True),
    _Form("frameio-token", "fio-u-", r"[A-Za-z0-9_=-]{64}"),
    _Form("readme-key", "rdme_", r"[a-z0-9]{70}", word=True),
    _Form("settlemint-token", "sm_aat_ sm_pat_ sm_sat_", rf"{_B62}{{16}}", word=True),
    # Anything
    _Form(
        "jwt",
        "eyJ",
        r"[A-Za-z0-9_-]{8,}\.(?:eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?|[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]{8,}){3})",
        word=True,
    ),
)

_ENCODED_KEY = re.compile(r"[A-Za-z0-9+/]{20,}={0,2}")


def _finder(form: _Form) -> Find:
    tail = re.compile(form.tail.replace(",}", f",{_LONGEST}}}"))
    head = re.compile(rf"(?:{form.head})\Z") if form.head else None
    kind, word = form.kind, form.word

    def find(text: str, start: int, end: int) -> Span | None:
        if word and not starts_word(text, start):
            return None
        if (match := tail.match(text, end)) is None:
            return None
        if head is not None:
            if (before := head.search(text, max(0, start - _LOOK_BACK), start)) is None:
                return None
            start = before.start()
        sample = text[start : min(match.end(), start + 100)]
        if entropy(sample) < 2.5 or "EXAMPLE" in sample:
            return None
        return Span(start, match.end(), kind, EXACT)

    return find


def _find_encoded_key(text: str, start: int, end: int) -> Span | None:
    """A PEM private key in base64 once more, as Kubernetes keeps it (`client-key-data`)."""
    match = _ENCODED_KEY.match(text, start)
    if match is None:
        return None
    try:
        plain = base64.b64decode(text[start : start + 48] + "==")
    except ValueError:
        return None
    return Span(start, match.end(), "private-key", EXACT) if b"PRIV" in plain or b"OPENSSH" in plain else None


RULES = (
    *(Rule(tuple(form.literals.split()), _finder(form)) for form in _FORMS),
    Rule(("LS0tLS1CRUdJTi",), _find_encoded_key),
)
